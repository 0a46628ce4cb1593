// Package outbound runs the planner as a process manager: it reads inputs in position order, and commits decisions,
// outbox rows, planner state and checkpoint in one transaction. Planner state (outbound/state) can be rebuilt from the
// log alone; the outbox (outbound/outbox) cannot, and what rebuilds has no way to reach it.
package outbound
