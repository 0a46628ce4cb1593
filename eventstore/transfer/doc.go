// Package transfer copies a whole database into another one, of whichever backend: events at their positions, hashes
// and signed heads as they are, keys wrapped as they were or anew under another master key.
//
// It rests on what a log promises: events up to a position never change. So one short snapshot says where each log ends
// and holds what changes in place, and everything else is read page by page, for as long as that takes, while others
// append. What came after the snapshot is left for the next run, which goes on from there; so does one that follows a
// kill. Tables that are filled from the log are not copied.
package transfer
