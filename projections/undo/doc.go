// Package undo finds what Duolog wrote in a part of the log, what stood in those places before, and whether they still
// hold what was written. It changes nothing: what it finds becomes the rows of a plan.
package undo
