package main

import (
	"encoding/json"
	"fmt"
	"io"
	stdlog "log"
	"text/tabwriter"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
)

// Result is what a campaign did and found.
type Result struct {
	Mode     string  `json:"mode"`
	Database string  `json:"database"`
	Seed     uint64  `json:"seed"`
	Seconds  float64 `json:"seconds"`

	Kills       int            `json:"kills"`
	WhileOwning int            `json:"kills_while_owning"` // drawn so that the process owned the connection
	Freezes     int            `json:"freezes"`
	CutOff      int            `json:"cut_off"`   // owners from the database
	Shortages   int            `json:"shortages"` // of room to write
	Outages     int            `json:"outages"`
	Faults      map[string]int `json:"network_faults,omitempty"`       // by wire and kind
	Recovered   float64        `json:"recovered_seconds,omitempty"`    // the longest from a fault's end to readiness
	Owners      int            `json:"owners"`                         // how often a process came to own the connection
	Moved       []float64      `json:"moved_seconds,omitempty"`        // from a kill to the next owner
	MovedFrozen []float64      `json:"moved_frozen_seconds,omitempty"` // from a freeze or a cut to the next owner
	StuckFrozen int            `json:"stuck_frozen"`                   // during which nobody else came to own it
	Written     int            `json:"writes_watched"`                 // rival: write requests seen, each checked for its owner

	Traffic sandboxkit.TrafficReport `json:"traffic"`
	Systems []systemResult           `json:"systems"`
	Answers map[int]int              `json:"webhook_answers"` // by HTTP status, 502 when no serve answered

	Events           int              `json:"events"`
	Facts            int              `json:"facts_acknowledged"`
	LostFacts        int              `json:"facts_lost"`
	Pairs            int              `json:"pairs"`
	Missing          int              `json:"missing"` // in Aloware, not in HubSpot
	FieldsCompared   int              `json:"fields_compared"`
	Differences      int              `json:"differences"`
	ValuesTraced     int              `json:"values_traced"`    // to what somebody wrote last
	Overruled        int              `json:"values_overruled"` // by somebody who saw what the other side had written
	Stale            int              `json:"values_stale"`
	DuplicateRecords int              `json:"duplicate_records"`
	CommandsLeft     int              `json:"commands_left"`
	Verified         bool             `json:"verified"`
	Status           map[string]int64 `json:"status"`
	Reconcile        json.RawMessage  `json:"reconcile,omitempty"`

	Violations []string `json:"violations"`
	Kept       string   `json:"kept,omitempty"` // the folder, when it was not removed
}

// systemResult is one sandbox at the end.
type systemResult struct {
	System         domain.System `json:"system"`
	Contacts       int           `json:"contacts"`
	Writes         int           `json:"writes"`
	Events         int           `json:"webhook_events"`
	Duplicated     int           `json:"sent_twice"`
	Delivered      int           `json:"delivered"` // answered 2xx, duplicates included
	Failed         int           `json:"failed_attempts"`
	NeverDelivered int           `json:"never_delivered"`
}

// shown bounds how many violations are printed.
const shown = 20

func (r Result) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(what, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", what, fmt.Sprintf(format, args...)) }
	row("campaign", "%s on %s, seed %d, %.0f s", r.Mode, r.Database, r.Seed, r.Seconds)
	row("happened", "%d kills (%d of an owner), %d freezes, %d cut off, %d outages, %d shortages; %d owners",
		r.Kills, r.WhileOwning, r.Freezes, r.CutOff, r.Outages, r.Shortages, r.Owners)
	if len(r.Moved)+len(r.MovedFrozen)+r.StuckFrozen > 0 {
		row("moved", "after a kill %.1f s, after a freeze or a cut %.1f s, not meanwhile %d; %d writes watched",
			r.Moved, r.MovedFrozen, r.StuckFrozen, r.Written)
	}
	if len(r.Faults) > 0 {
		row("network", "%v; ready again after %.1f s at most", r.Faults, r.Recovered)
	}
	row("traffic", "%d edits, %d creates, %d refused", r.Traffic.Edits, r.Traffic.Creates, r.Traffic.Failed)
	for _, s := range r.Systems {
		row(s.System.Title(), "%d contacts, %d writes; webhooks: %d, %d sent twice, %d failed attempts, %d never delivered",
			s.Contacts, s.Writes, s.Events, s.Duplicated, s.Failed, s.NeverDelivered)
	}
	row("log", "%d events, verified %t; %d facts acknowledged, %d lost", r.Events, r.Verified, r.Facts, r.LostFacts)
	row("agreement", "%d pairs, %d fields compared, %d differ, %d of %d traced stale, %d overruled; %d duplicates, %d missing in HubSpot",
		r.Pairs, r.FieldsCompared, r.Differences, r.Stale, r.ValuesTraced, r.Overruled, r.DuplicateRecords, r.Missing)
	row("status", "%v", r.Status)
	_ = t.Flush()
	for i, v := range r.Violations {
		if i == shown {
			fmt.Fprintf(w, "… and %d more\n", len(r.Violations)-i)
			break
		}
		fmt.Fprintln(w, "VIOLATION ", v)
	}
}

// discard is a logger for servers that are cut off on purpose.
var discard = stdlog.New(io.Discard, "", 0)
