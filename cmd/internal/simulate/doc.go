// Package simulate holds an interleaving model test of the whole engine: webhooks taken in, the log, the planner, the
// outbox, the lease, dispatch and both adapters, between the two sandboxes, in one bubble of virtual time.
//
// A seed gives a world (settings, people) and a list of steps: what people do in both systems, what the network and
// the processes suffer. After each step some moves are made, drawn from the step's own seed: one stage of one process
// goes on to its next request or transaction, a webhook is delivered, time passes. Only one thing runs at a time, so a
// seed always gives the same run. What a run must hold is judged from the outside: by what the sandboxes hold and were
// asked, by what people did, and by the decisions in the log.
//
//	make simulate SEEDS=20000   more seeds
//	make simulate SEED=4711     one seed: if it fails, its steps are shrunk and its story is told
package simulate
