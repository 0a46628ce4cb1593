// Package contacts is the projection of what each contact looks like: its records in both systems with the values
// they show and where each value comes from, how they are linked, and how each field stands.
//
// Values come from facts and outcomes and are ordered by their clocks; a value older than the one shown changes
// nothing. Links and field states come from decisions and count at the position of the decision's input, so what the
// fold gives in log order is what the planner had in its own order. Values and match keys are stored only sealed
// and blind; links and field states hold no personal value.
package contacts
