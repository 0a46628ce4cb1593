package jsonread_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/duolog/duolog/projections/internal/jsonread"
)

type payload struct {
	Text  string                     `json:"text"`
	Count int64                      `json:"count"`
	Yes   bool                       `json:"yes"`
	Some  []string                   `json:"some"`
	Any   map[string]json.RawMessage `json:"any"`
	One   json.RawMessage            `json:"one"`
}

// read reads a payload, and reports whether it did.
func read(b []byte) (p payload, ok bool) {
	r, seen := jsonread.New(b), uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "text":
			r.Once(&seen, 0)
			p.Text = r.String()
		case "count":
			r.Once(&seen, 1)
			p.Count = r.Int()
		case "yes":
			r.Once(&seen, 2)
			p.Yes = r.Bool()
		case "some":
			r.Once(&seen, 3)
			for range r.Elements() {
				p.Some = append(p.Some, r.String())
			}
		case "any":
			r.Once(&seen, 4)
			p.Any = map[string]json.RawMessage{}
			for name := range r.Fields() {
				p.Any[string(name)] = r.Raw()
			}
		case "one":
			r.Once(&seen, 5)
			p.One = r.Raw()
		default:
			r.Unknown(key)
		}
	}
	return p, r.Done()
}

var samples = []string{
	`{}`, `null`, ` { } `, `{"text":"x","count":-12,"yes":true,"some":["a","ü",null],"any":{"p":null,"q":[1,{"r":"\u00e9\\"}]},"one":"\""}`,
	`{"some":[],"any":{},"one":-1.5e+10,"other":{"deep":[[[]]],"\n":"\t"}}`, "{\n\t\"text\" : \"x\" , \"count\" : 0 }",
	`{"Text":"x"}`, `{"text":"x","text":"y"}`, `{"text":"a\nb"}`, `{"count":1.0}`, `{"count":01}`, `{"count":-}`, `{"count":"1"}`,
	`{"count":9223372036854775807}`, `{"text":1}`, `{"yes":"true"}`, `{"text":"x"`, `{"text":"x"}}`, `{"text" "x"}`, `{,}`,
	`{"text":"x",}`, `{"some":[,]}`, `{"some":["a",]}`, `{"one":01}`, `{"one":1.}`, `{"one":1e}`, `{"one":"\x"}`, `{"one":"\u12"}`,
	`{"one":tru}`, `{"one":}`, `[]`, `""`, ``, `{"one":[1 2]}`, `{"one":{"a":1 "b":2}}`, `{"one":{1:2}}`, "{\"text\":\"\xff\"}",
	"{\"one\":\"\xff\"}", "{\"\u212aount\":1}", "{\"text\":\"\x01\"}", "{\"one\":\"\x01\"}",
}

func TestReadsWhatEncodingJSONReads(t *testing.T) {
	read1 := 0
	for _, sample := range samples {
		if agree(t, []byte(sample)) {
			read1++
		}
	}
	if read1 < 5 {
		t.Errorf("read %d of %d samples: the others do not count", read1, len(samples))
	}
	deep := bytes.Repeat([]byte("["), 100_000)
	agree(t, append([]byte(`{"one":`), deep...))
}

func FuzzReader(f *testing.F) {
	for _, sample := range samples {
		f.Add([]byte(sample))
	}
	f.Fuzz(func(t *testing.T, b []byte) { agree(t, b) })
}

// agree checks that what is read is what encoding/json reads; true when it was.
func agree(t *testing.T, b []byte) bool {
	t.Helper()
	got, ok := read(b)
	if !ok {
		return false
	}
	var want payload
	if err := json.Unmarshal(b, &want); err != nil {
		t.Errorf("read %.200q, which encoding/json refuses: %v", b, err)
		return true
	}
	if len(want.Any) == 0 {
		want.Any, got.Any = nil, nil
	}
	if len(want.Some) == 0 {
		want.Some, got.Some = nil, nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %.200q as %+v, encoding/json as %+v", b, got, want)
	}
	return true
}
