// Package app wires Duolog together: configuration from file, environment and flags, the database, the two systems,
// the engine that runs one connection, and the acts by which a person steers it.
package app
