package domain

import (
	"slices"

	"github.com/oklog/ulid/v2"
)

// The operations that go through a plan, by the names of the acts that start and end them. What makes a plan is an
// operation as well, under PlanPrefix and the name.
const (
	OpPush      = "push contacts"
	OpPull      = "pull contacts"
	OpMatch     = "match"
	OpReconcile = "reconcile"
	OpUndo      = "undo"
	OpRepair    = "repair"

	PlanPrefix = "plan "
)

// Towards says whose values count in a reconcile.
const (
	TowardRules   = "rules"
	TowardHubSpot = "hubspot"
	TowardAloware = "aloware"
)

// Scope says what an operation is and what it may touch. It overrides the rules that say whose value counts, never the
// directions, the rule for blanks, or that a stop is sticky.
type Scope struct {
	Name   string `json:"name"`
	Toward string `json:"toward,omitempty"` // of a reconcile
	Field  string `json:"field,omitempty"`  // the only one it touches; empty: all
}

// Source is the system whose values count, none where the settings say so.
func (s Scope) Source() System {
	switch {
	case s.Name == OpPush, s.Name == OpReconcile && s.Toward == TowardAloware:
		return Aloware
	case s.Name == OpPull, s.Name == OpReconcile && s.Toward == TowardHubSpot:
		return HubSpot
	}
	return ""
}

// Creates reports whether it may make a contact in the system.
func (s Scope) Creates(in System) bool {
	return s.Name != OpMatch && !s.PutsBack() && s.Field == "" && s.Source() != in
}

// PutsBack reports an operation whose rows name the values that are written.
func (s Scope) PutsBack() bool { return s.Name == OpUndo || s.Name == OpRepair }

// Covers reports whether it touches the field.
func (s Scope) Covers(field string) bool { return s.Field == "" || s.Field == field }

// Narrow reports an operation that leaves something of a contact undecided.
func (s Scope) Narrow() bool { return s.Name == OpMatch || s.Field != "" }

// PlanSpec is what a plan is asked for: a scope, and whose contacts.
type PlanSpec struct {
	Scope
	Contact ulid.ULID `json:"contact,omitzero"` // the only one
	Filter  string    `json:"filter,omitempty"`
	// Known: plan from what is known, without reading the systems first.
	Known bool `json:"known,omitempty"`
	// Undo, in an undo, says which writes are put back.
	Undo *Undo `json:"undo,omitempty"`
	// Repair, in a repair, says which decisions are looked at again.
	Repair *Repair `json:"repair,omitempty"`
}

// Valid reports a spec an operation can be made of.
func (s PlanSpec) Valid() bool {
	toward := s.Toward == "" || s.Name == OpReconcile && slices.Contains([]string{TowardRules, TowardHubSpot, TowardAloware}, s.Toward)
	named := slices.Contains([]string{OpPush, OpPull, OpMatch, OpReconcile, OpUndo, OpRepair}, s.Name)
	undo := (s.Undo != nil) == (s.Name == OpUndo) && (s.Undo == nil || s.Undo.Valid())
	repair := (s.Repair != nil) == (s.Name == OpRepair)
	return named && toward && undo && repair && (s.Field == "" || s.Name == OpReconcile || s.PutsBack())
}

// Plan is the payload of plan.made: an immutable set of rows, told by their digest, and what they come to.
type Plan struct {
	PlanSpec
	Number    int64     `json:"number"`    // as people call it: P-31
	Operation ulid.ULID `json:"operation"` // that made it
	Settings  int       `json:"settings"`
	Through   int64     `json:"through"` // position of the planner it was made at
	Rows      int64     `json:"rows"`
	Digest    string    `json:"digest"`
	// Watch names the properties by which it is seen whether a contact has changed since.
	Watch map[System][]string `json:"watch,omitempty"`
	// Counts says what would become of the contacts, Why of how many of them nothing does, by reason.
	Counts map[string]int64 `json:"counts,omitempty"`
	Why    map[string]int64 `json:"why,omitempty"`
	// Cost is what look-ups of new numbers come to, in millionths of a US dollar; Seconds is about how long it takes.
	Cost    int64  `json:"cost,omitempty"`
	Seconds int64  `json:"seconds,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Counts of a plan and of an operation, by name. A plan counts each contact once, under the first that fits; numbers are
// those Aloware looks up, once each.
const (
	CountContacts       = "contacts"
	CountCreatesAloware = "creates_aloware"
	CountCreatesHubSpot = "creates_hubspot"
	CountUpdatesAloware = "updates_aloware"
	CountUpdatesHubSpot = "updates_hubspot"
	CountLinks          = "links"
	CountAmbiguous      = "ambiguous"
	CountBlocked        = "blocked"
	CountImpossible     = "impossible"
	CountApart          = "apart"
	CountPending        = "pending" // something is on its way already, or has to be read first
	CountUnchanged      = "unchanged"
	CountChanged        = "changed" // since, and left so by an undo
	CountNumbers        = "numbers"

	CountRows    = "rows"
	CountBudget  = "budget"   // writes that were confirmed
	CountSkipped = "skipped"  // contacts that changed since
	CountDone    = "done"     // rows that were decided
	CountDecided = "decided"  // writes
	CountSettled = "settled"  // …and those of them that were answered
	CountRefused = "refused"  // …with a no
	CountLRN     = "lrn"      // new numbers Aloware looked up
	CountCost    = "cost_usd" // …and what that comes to, in millionths
)

// PlanPage is the payload of plan.applied: rows of a plan that are to be decided now.
type PlanPage struct {
	Scope
	Operation ulid.ULID           `json:"operation"` // that applies it
	Plan      ulid.ULID           `json:"plan"`
	First     int64               `json:"first"` // number of the first row, from 0
	Rows      []PlanRow           `json:"rows"`
	Watch     map[System][]string `json:"watch,omitempty"`
}

// PlanRow is a contact of a plan, and the digest of the state it was planned from.
type PlanRow struct {
	Contact ulid.ULID `json:"contact"`
	Digest  string    `json:"digest"`
	// Back, in an undo, is what is put back; the digest is of that.
	Back []PutBack `json:"back,omitempty"`
}
