package inputs_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/internal/inputs"
	"github.com/duolog/duolog/projections/internal/logtest"
)

// agree fails where a reader takes what encoding/json reads otherwise.
func agree(t *testing.T, data []byte) {
	t.Helper()
	check := func(name string, got, want any, err error) {
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %.300q as\n%+v, encoding/json as\n%+v, %v", name, data, got, want, err)
		}
	}
	if got, ok := inputs.Fact(data); ok {
		var want domain.Fact
		err := json.Unmarshal(data, &want)
		check("fact", got, &want, err)
	}
	if got, ok := inputs.Outcome(data); ok {
		var want domain.Outcome
		err := json.Unmarshal(data, &want)
		check("outcome", got, &want, err)
	}
	for _, fields := range []bool{true, false} {
		if got, ok := inputs.EffectsOf(data, fields); ok {
			var want inputs.Effects
			err := json.Unmarshal(data, &want)
			check("effects", plain(*got, true), plain(want, fields), err)
		}
	}
	if got, ok := inputs.Decision(data); ok {
		var want planner.Decision
		err := json.Unmarshal(data, &want)
		check("decision", got, &want, err)
		gist, ok := inputs.Gist(data)
		if !ok {
			t.Errorf("a decision, but no gist of one: %.300q", data)
		}
		want.Considered, want.Links = nil, nil
		for i, v := range want.Fields {
			want.Fields[i] = planner.Verdict{Field: v.Field, Result: v.Result, Rule: v.Rule}
		}
		if want.Head != nil {
			want.Head = &planner.HeadState{Review: want.Head.Review}
		}
		check("gist", gist, &want, nil)
	}
}

// plain makes empty lists and none the same.
func plain(d inputs.Effects, fields bool) inputs.Effects {
	if len(d.Fields) == 0 || !fields {
		d.Fields = nil
	}
	if len(d.Links) == 0 {
		d.Links = nil
	}
	return d
}

// payloads are one of each event type, a log's, and some that are odd.
func payloads(tb testing.TB) (all [][]byte) {
	tb.Helper()
	names, err := filepath.Glob("../../../domain/testdata/events/*")
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
	for _, odd := range []string{
		`{}`, `null`, `{"properties":{"a":1,"a":[2],"b":null}}`, `{"properties":null,"answer":null,"sent":null,"existing":null}`,
		`{"answer":{"by":"id","found":[]}}`, `{"answer":{"found":null,"found":["hubspot:1",null]}}`, `{"answer":{}}`, `{"Via":"x"}`,
		`{"properties":{}}`, `{"via":"a","via":"b"}`, `{"refused":{"a":"b"}}`, `{"origin":null}`, `{"found":1,"lacks":["a"],"clocks":{"b":2}}`,
		`{"considered":[],"links":[{}],"whole":null,"fields":[{"value":null,"loser":{},"after":{"base":{},"recent":[]}}],"commands":null}`,
		`{"whole":{"others":null},"fields":[null,{"after":null}],"commands":[{"digests":null},{"digests":{"a":null,"a":"b"}}],"head":null}`,
		`{"planner":99999999999999999999,"fields":[{"after":{"pending":null,"meanwhile":{"clock":1},"base":{"aloware":null}}}]}`,
	} {
		all = append(all, []byte(odd))
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
		case planner.IsFact(e.Type):
			_, ok = inputs.Fact(e.Data)
		case e.Type == domain.CommandSettled:
			_, ok = inputs.Outcome(e.Data)
		case e.Type == domain.DecisionMade:
			if _, ok = inputs.Decision(e.Data); ok {
				_, ok = inputs.EffectsOf(e.Data, true)
			}
		}
		if !ok {
			t.Errorf("%s is left to encoding/json: %s", e.Type, e.Data)
		}
	}
}

func FuzzPayloads(f *testing.F) {
	for _, data := range payloads(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}
