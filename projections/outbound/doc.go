// Package outbound runs the planner as a process manager: it reads inputs in position order, and commits decisions,
// outbox rows, planner state and checkpoint in one transaction. Planner state can be rebuilt from the log alone; the
// outbox (outbound/outbox) cannot, and nothing here that rebuilds has a way to reach it.
package outbound
