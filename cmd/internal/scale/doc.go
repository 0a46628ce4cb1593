// Package scale makes logs of any size together with what the planner and the projections made of them, and measures
// what grows with them. A few contacts are made by the real engine; every other one is a copy of them under ids, keys
// and values of its own, sealed and stored as the engine would have done it, many rows at a time.
package scale
