package report

import (
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// conflict is a value that lost.
type conflict struct {
	at       time.Time
	position int64
	contact  ulid.ULID
	winner   string
	rule     string
	loser    *planner.Ref
}

// found are the records a link was made of, and the key that led to them.
type found struct {
	rule   string
	others []domain.Record
}

// stop is a do-not-call on its way.
type stop struct {
	to string
	at int64
}

// delivery counts the stops sent to a system.
type delivery struct {
	decided, delivered int64
	slowest            time.Duration
}

// tries counts how often commands for a system had to be sent.
type tries struct{ settled, again, attempts int64 }

// told is what a report takes of a fact, of whatever kind.
type told struct {
	Via    string          `json:"via"`
	Origin domain.Origin   `json:"origin"`
	Merged []domain.Record `json:"merged"`
}

func (b *book) fact(e eventstore.Event) error {
	f, ok, err := opened[told](e)
	if err != nil {
		return err
	}
	system, _, record := strings.Cut(e.Stream, "/")
	if !record {
		system = e.Actor
	}
	if !ok {
		f.Via = "erased"
	}
	b.facts.add(1, system, e.Type, f.Via, f.Origin.Source)
	if f.Via == viaWebhook && e.OccurredAt > 0 {
		b.took(stepHeard, system, e.RecordedAt-e.OccurredAt)
	}
	if e.Type == domain.RecordMerged {
		b.merged = append(b.merged, f.Merged...)
	}
	return nil
}

// unsent are the results that say that a change did not reach the other side.
var unsent = map[planner.Result]bool{
	planner.Blocked: true, planner.Kept: true, planner.LostIt: true, planner.Invalid: true, planner.Refused: true,
	planner.HeldBack: true, planner.Withheld: true, planner.Impossible: true, planner.OutOfScope: true, planner.Parked: true,
}

func (b *book) decision(e eventstore.Event) error {
	d, _, err := opened[planner.Decision](e)
	if err != nil {
		return err
	}
	b.decisions.add(1, versionWord(d.Settings))
	if d.At > 0 {
		b.took(stepDecided, "", e.RecordedAt-d.At)
	}
	for _, v := range d.Fields {
		if unsent[v.Result] {
			b.fields.add(1, string(v.Result), ruleWord(v.Rule), v.Field)
		}
		if v.Result == planner.LostIt {
			b.conflict(e, d, v)
		}
	}
	if d.Whole != nil {
		b.whole(*d.Whole)
	}
	for _, c := range d.Commands {
		if isWrite(c.Kind) {
			b.decided[c.ID] = e.RecordedAt
		}
		if c.Urgent && isWrite(c.Kind) {
			b.stops[c.ID] = stop{string(c.System), d.At}
			b.stopsTo(string(c.System)).decided++
		}
	}
	return nil
}

func (b *book) conflict(e eventstore.Event, d planner.Decision, v planner.Verdict) {
	b.conflicts.add(1, v.Field, string(v.From), ruleWord(v.Rule))
	if len(b.samples[v.Field]) < samplesKept {
		b.samples[v.Field] = append(b.samples[v.Field], conflict{
			at: when(e), position: e.Position, contact: d.Contact, winner: string(v.From), rule: ruleWord(v.Rule), loser: v.Loser,
		})
	}
}

func (b *book) whole(w planner.Whole) {
	rule := ruleWord(w.Rule)
	if unsent[w.Result] {
		b.wholes.add(1, string(w.Result), rule, string(w.System))
	}
	switch {
	case w.Result == planner.HeldBack:
		b.suspected.add(1, rule)
	case w.Result == planner.LinkedUp && rule != "created" && rule != "merge" && len(w.Others) > 0:
		b.linked = append(b.linked, found{rule, w.Others})
	}
}

// ruleWord is a rule without the record it names, which would be a row of its own each time.
func ruleWord(rule string) string {
	rule, _, _ = strings.Cut(rule, " with ")
	return rule
}

func isWrite(kind string) bool { return kind == domain.KindCreate || kind == domain.KindUpdate }

func (b *book) outcome(e eventstore.Event) error {
	o, ok, err := opened[domain.Outcome](e)
	if err != nil || !ok {
		return err
	}
	system := string(o.System)
	if s, urgent := b.stops[o.Command]; urgent {
		delete(b.stops, o.Command)
		if o.Done() {
			to := b.stopsTo(s.to)
			to.delivered++
			to.slowest = max(to.slowest, time.Duration(e.RecordedAt-s.at)*time.Microsecond)
		}
	}
	b.tried(system, o.Attempts)
	if at, known := b.decided[o.Command]; known {
		delete(b.decided, o.Command)
		if o.Done() {
			b.took(stepSent, system, e.RecordedAt-at)
		}
	}
	if !isWrite(o.Kind) {
		return nil
	}
	if !o.Done() {
		b.unsettled.add(1, system, o.Result, o.Reason)
	} else if o.Wrote() {
		b.writes.add(1, system, o.Kind)
	}
	if o.Made() {
		b.made[o.Record] = true
		if o.System == domain.Aloware {
			b.price += b.settings.Cost.LRNPerNumberUSD
		}
	}
	return nil
}

func (b *book) tried(system string, attempts int) {
	t := at(b.retries, system)
	t.settled++
	t.attempts += int64(attempts)
	if attempts > 1 {
		t.again++
	}
}

func (b *book) stopsTo(system string) *delivery { return at(b.consent, system) }

// at returns what lies under the key, making it first.
func at[T any](m map[string]*T, key string) *T {
	if m[key] == nil {
		m[key] = new(T)
	}
	return m[key]
}
