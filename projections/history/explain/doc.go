// Package explain says why a field of a contact is as it is, or is not as somebody expected: what was heard, whether it
// was allowed, what was decided by which rule, what became of it, and what can be done.
//
// It is pure: it works on what the projections tell and on what was read live, and knows neither a database nor a
// system. Every result and rule of the planner has its words here; a test reads them out of the planner's source.
package explain
