// Package report tells what a log says about a period: what flowed, what did not and why, which settings were in force,
// duplicates, consent, who did what, who looked at whom, and how all of that can be proved. It is one scan of the period's
// events in order and needs no table of its own, so a report of any month can be made at any time and comes out the same.
//
// A report is sections of tables, whatever it is written as.
package report
