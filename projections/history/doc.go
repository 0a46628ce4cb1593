// Package history is the timeline of a contact: what changed, from what to what, who did it, what was decided and
// why, and what became of it.
//
// The projection holds only which positions concern whom: a record, a contact or the connection. Values are read from
// the events when they are shown, so there is nothing in its table to erase.
package history
