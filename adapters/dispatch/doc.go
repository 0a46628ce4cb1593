// Package dispatch carries the outbox out: it claims rows, coalesces writes of a record, batches per system, sends,
// and settles each command with one outcome (a write) or with the facts that answer it (a read).
//
// One message of the Watermill Router is one claimed batch. The Router gives recovery, metrics and shutdown; retry is
// the outbox's, durable, so there is no Retry, Throttle or PoisonQueue in between. A handler never holds a
// transaction while it calls a system.
//
// No outside write is exactly-once. The attempt and its deadline are durable before anything leaves, the request
// carries the same deadline, and the lease is checked right before it; an attempt without an answer is left alone
// until its deadline and then made again, which the systems' adapters make harmless.
package dispatch
