// Package state stores planner state: what the planner has seen and decided, sealed, in numbered versions of which one
// is live. A version is filled by the planner at work (projections/outbound) or, from the log alone, by Rebuild; both
// end in the same rows. Nothing here decides, and nothing here can reach the outbox: this package does not know it.
package state
