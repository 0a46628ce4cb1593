// Package kept is what is held of a log outside its database, so that it outlives it: the last signed head, by which a log
// that was put back to an earlier time is known for being short, and the list of erasures, by which those it has forgotten
// are made again. Both hold ids and no personal value.
//
// A folder holds two files of a log, named by its id. LOG.head is the head as a note. LOG.erasures begins with a line that
// says whose it is, and is appended to: each line is an Entry as JSON and, after a blank, its HMAC-SHA-256 under a secret of
// the connection. The log itself says what was erased, so a line that is missing can be added at any time; two processes may
// write the same one. A process that dies may leave a piece of a line, which is whole further on.
package kept
