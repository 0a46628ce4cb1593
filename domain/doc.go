// Package domain holds what Duolog knows about contacts, free of clocks, randomness, I/O and map order: the two
// systems and their records, typed values with their canonical forms, and the event types with the payload each
// one carries. Settings, the planner and identity live in the folders below.
package domain
