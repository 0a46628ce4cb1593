// Package eventstore is the contract of Duolog's log: one dense, commit-ordered, immutable log of events per
// connection, on SQLite (eventstore/sqlite) or PostgreSQL (eventstore/postgres). What is promised, in this package
// and proved by eventstore/eventstoretest on both:
//
//  1. Positions are 1..N without a hole, in commit order. A reader at p has seen every event up to p, for ever.
//  2. Events never change and never go; the database itself refuses.
//  3. A dedupe key is unique per connection for ever; appending it again returns the first result.
//  4. An append may expect a stream's last position; ErrExpectation otherwise.
//  5. What was acknowledged is durable.
//  6. Concurrent appends of a process share a transaction, each with its own result; one that loses fails alone.
//  7. A wake-up is a hint; reading again after a while is enough to see everything.
//  8. Nothing but row locks, unique keys and retry on 40001 / 40P01 is used; the connection leads every key.
package eventstore
