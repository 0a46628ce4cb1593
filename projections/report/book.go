package report

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// samplesKept is how many conflicts of a field are shown one by one.
const samplesKept = 10

// book is what is counted while the period's events pass.
type book struct {
	Options
	settings settings.Settings // in force at the event that passes
	known    bool              // there are any

	facts, writes, unsettled tally
	fields, wholes           tally // what was not sent
	decisions                tally // by version of the settings
	conflicts                tally
	samples                  map[string][]conflict
	suspected, resolved      tally
	merged                   []domain.Record // away, in one system
	linked                   []found
	made                     map[domain.Record]bool
	stops                    map[ulid.ULID]stop
	consent                  map[string]*delivery
	acts                     []act
	sweeps                   map[string]*swept
	retries                  map[string]*tries
	holds                    []act // in force at the end
	delays                   map[key]*delay
	decided                  map[ulid.ULID]int64 // when the writes on their way were
	price                    float64             // of the look-ups of numbers, in US dollars
}

func newBook(o Options) *book {
	return &book{
		Options: o,
		facts:   tally{}, writes: tally{}, unsettled: tally{}, fields: tally{}, wholes: tally{}, decisions: tally{}, conflicts: tally{},
		samples: map[string][]conflict{}, suspected: tally{}, resolved: tally{},
		made: map[domain.Record]bool{}, stops: map[ulid.ULID]stop{}, consent: map[string]*delivery{},
		sweeps: map[string]*swept{}, retries: map[string]*tries{},
		delays: map[key]*delay{}, decided: map[ulid.ULID]int64{},
	}
}

// before learns which settings were in force when the period began.
func (b *book) before(ctx context.Context) error {
	for after := int64(0); ; {
		events, err := b.Log.ReadStream(ctx, "settings", after, pageSize)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			if after = e.Position; after >= b.From {
				return nil
			}
			if _, _, err := b.take(e); err != nil {
				return err
			}
		}
	}
}

// take puts settings in force, and returns what they replace.
func (b *book) take(e eventstore.Event) (was settings.Settings, a domain.SettingsAct, err error) {
	if err := domain.Decode(e.Type, e.Schema, e.Data, &a); err != nil {
		return was, a, err
	}
	var now settings.Settings
	if err := json.Unmarshal(a.Settings, &now); err != nil {
		return was, a, err
	}
	now.Version = a.Version
	was, b.settings, b.known = b.settings, now, true
	return was, a, nil
}

// upcast counts an event as it would be written today.
func (b *book) upcast(e eventstore.Event) (err error) {
	if !e.Erased {
		if e.Data, e.Schema, err = domain.Upcast(e.Type, e.Schema, e.Data); err != nil {
			return err
		}
	}
	return b.event(e)
}

func (b *book) event(e eventstore.Event) error {
	switch {
	case e.Type == domain.DecisionMade:
		return b.decision(e)
	case e.Type == domain.CommandSettled:
		return b.outcome(e)
	case e.Type == domain.SweepCompleted:
		return b.sweep(e)
	case isFact(e.Type):
		return b.fact(e)
	}
	return b.act(e)
}

// isFact tells what a system said from what somebody did in Duolog.
func isFact(kind string) bool {
	return strings.HasPrefix(kind, "record.") || strings.HasSuffix(kind, ".observed") || kind == domain.SourceRaw
}

// when is when an event was recorded.
func when(e eventstore.Event) time.Time { return time.UnixMicro(e.RecordedAt).UTC() }

// opened reads a payload; false when its person was erased.
func opened[T any](e eventstore.Event) (v T, ok bool, err error) {
	if e.Erased {
		return v, false, nil
	}
	return v, true, domain.Decode(e.Type, e.Schema, e.Data, &v)
}
