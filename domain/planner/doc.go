// Package planner decides. Fold takes an input (fact, outcome, act) into the state, Plan says what follows from the
// state, Apply takes a decision into it. All three are pure: no clock, randomness, I/O or map order, and ids derive
// from the input's id, so the same inputs give the same decisions byte for byte.
//
// Inputs change what was seen, told and answered; decisions change bases, links and states, carry those effects
// whole, and count at their input's position: for each of them the higher input position wins. So folding a log in
// log order (F1 F2 D1 D2) ends where the live planner ended (F1 D1 F2 D2).
package planner
