// Package eventstoretest is the conformance suite of eventstore.Store: Run proves the promises of package eventstore
// on a backend, one test each, and each test fails when its promise is broken. PostgresURL gives any test a database
// of its own; package backends runs a test on both backends.
package eventstoretest
