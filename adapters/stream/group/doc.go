// Package group is named readers of a log with stored checkpoints. A consumer's work is divided into partitions, by the
// record an event is about; each is leased to one member, so that whatever the number of members, the events of a record
// are handled in order and by one of them. Delivery is at least once: a checkpoint moves only over what was
// acknowledged, and who lost a partition can no longer acknowledge in it.
//
// Clocks of two machines are never compared: a member is gone when its beat was seen not to move for as long as its
// lease lasts, on the clock of who looks. A member stops by itself before that.
package group
