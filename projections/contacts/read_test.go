package contacts

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/internal/logtest"
)

// agree compares what is read without reflection with what encoding/json reads; it returns how many readers took it.
func agree(t *testing.T, data []byte) (taken int) {
	t.Helper()
	check := func(name string, got, want any, err error) {
		taken++
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %.300q as\n%+v, encoding/json as\n%+v, %v", name, data, got, want, err)
		}
	}
	if got, ok := readFact(data); ok {
		var f domain.Fact
		err := json.Unmarshal(data, &f)
		want := &fact{Fact: f, props: fromMap(f.Properties), clocks: fromMap(f.Clocks), by: author(f.Origin)}
		want.Properties, want.Clocks = nil, nil
		check("fact", plain(got.props, got.clocks, got.Fact, got.by), plain(want.props, want.clocks, want.Fact, want.by), err)
	}
	if got, ok := readOutcome(data); ok {
		var o domain.Outcome
		err := json.Unmarshal(data, &o)
		sent, shows := fromMap(o.Sent), fromMap(o.Shows)
		o.Sent, o.Shows = nil, nil
		check("outcome", plain(got.sent, got.shows, got.Outcome), plain(sent, shows, o), err)
	}
	return taken
}

// plain makes empty lists and none the same.
func plain[A, B any](a byName[A], b byName[B], rest ...any) []any {
	return []any{append(byName[A]{}, a...), append(byName[B]{}, b...), rest}
}

// payloads are one of each event type, and a log's.
func payloads(tb testing.TB) (all [][]byte) {
	tb.Helper()
	names, err := filepath.Glob("../../domain/testdata/events/*")
	if err != nil || len(names) == 0 {
		tb.Fatalf("no samples: %v", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, data)
	}
	for _, e := range logtest.New(5).Events(0, 300) {
		all = append(all, e.Data)
	}
	return all
}

func TestPayloadsAreReadAsEncodingJSONReadsThem(t *testing.T) {
	for _, data := range payloads(t) {
		agree(t, data)
	}
}

// What a log holds is read without reflection: otherwise nothing is gained, and nobody would notice.
func TestUsualPayloadsNeedNoReflection(t *testing.T) {
	for _, e := range logtest.New(6).Events(0, 300) {
		ok := true
		switch {
		case isFact(e.Type) || e.Type == domain.RecordAbsent:
			_, ok = readFact(e.Data)
		case e.Type == domain.CommandSettled:
			_, ok = readOutcome(e.Data)
		}
		if !ok {
			t.Errorf("%s is left to encoding/json: %s", e.Type, e.Data)
		}
	}
}

func TestAPayloadThatIsNoneIsAnError(t *testing.T) {
	for _, kind := range []string{domain.RecordUpdated, domain.CommandSettled, domain.DecisionMade} {
		for _, data := range []string{``, `{`, `[]`, `{"contact":"x","clock":"x","input":"x"}`} {
			if in, err := decode(&projections.Event{Event: &eventstore.Event{Type: kind, Data: []byte(data)}}); err == nil {
				t.Errorf("%s of %q was read as %+v", kind, data, in)
			}
		}
	}
}

func FuzzPayloads(f *testing.F) {
	for _, data := range payloads(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}
