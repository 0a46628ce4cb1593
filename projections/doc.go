// Package projections runs folds of the log into tables: pages in position order, applied set-wise, rows and
// checkpoint committed together. One folder below holds one projection.
//
// What holds, and is tested on both backends:
//
//   - Rows and checkpoint commit together, and the checkpoint moves only from where the rows began: two processes that
//     run the same projection never apply an event twice. A follower commits each page, a rebuild many at once, when
//     its memory for rows is full or half a minute has passed.
//   - However a log is cut into pages, stopped and resumed, the rows are the same; a rebuild gives the same again.
//   - An event that cannot be applied is parked, with the later ones of its key; everything else goes on.
//   - A rebuild fills a new version beside the live one and swaps in one transaction. It is paused, resumed, cancelled and
//     looked at from any process, and goes on where it was when its own was killed.
//   - Before the swap both versions can be compared at one position, sealed values opened; after it the version before
//     is kept for a while, and comes back caught up to the end of the log.
//
// A rebuild reads and decodes pages ahead of the fold, and its Folder keeps rows in memory, bounded by Options.Memory.
// Rebuilds side by side read and open each page once, and decode it for each, the effects of a decision once for all; in
// everything else they know nothing of each other.
//
// A projection gets a Querier and the events, nothing else: no log to append to and no command to send.
package projections
