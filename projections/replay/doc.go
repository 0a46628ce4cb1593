// Package replay decides again over the inputs in a log, in memory, and compares with the decisions that were
// recorded. State evolves by the recorded decisions, so that one difference stays one. It knows no outbox: nothing it
// decides can be sent.
package replay
