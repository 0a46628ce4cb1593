package contract

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

var update = flag.Bool("update", false, "publish schemas that are missing or say more, if nobody can be broken by it")

// TestPublishedSchemasHold: what a published schema says of a payload is still so. A change that breaks it is refused,
// with -update too: such a payload needs the next schema number.
func TestPublishedSchemasHold(t *testing.T) {
	for _, kind := range Types() {
		now := Today(kind)
		text, err := json.MarshalIndent(now, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		at := file(kind, Version(kind))
		data, err := os.ReadFile(at)
		if errors.Is(err, fs.ErrNotExist) && *update {
			data = nil
		} else if err != nil {
			t.Errorf("%s is not published: run this test with -update", kind)
			continue
		}
		var old Schema
		if data != nil {
			if err := json.Unmarshal(data, &old); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			if faults := Broken(&old, now); len(faults) > 0 {
				t.Errorf("%s breaks its readers: %s. Raise the schema number of %s in domain/event_schema.go", kind,
					strings.Join(faults, "; "), kind)
				continue
			}
		}
		if string(data) == string(text)+"\n" {
			continue
		}
		if !*update {
			t.Errorf("%s says more now than is published: run this test with -update", kind)
			continue
		}
		if err := os.WriteFile(at, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoSchemaWithoutAType: a published schema stays, as long as its type can be met.
func TestNoSchemaWithoutAType(t *testing.T) {
	files, err := filepath.Glob("schemas/*.json")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, l := range List() {
		for v := 1; v <= l.Today; v++ {
			want[file(l.Type, v)] = true
		}
	}
	for _, f := range files {
		if !want[f] {
			t.Errorf("%s is of no type", f)
		}
		delete(want, f)
	}
	for f := range want {
		t.Errorf("%s is missing", f)
	}
}

func TestBrokenNoticesWhatBreaks(t *testing.T) {
	text, number := &Schema{Type: "string"}, &Schema{Type: "integer"}
	old := &Schema{Type: "object", Required: []string{"a"}, Properties: map[string]*Schema{
		"a": text, "b": {Type: "array", Items: text}, "c": {Type: "object", Values: text},
	}}
	change := func(edit func(s *Schema)) *Schema {
		s := &Schema{Type: "object", Required: []string{"a"}, Properties: map[string]*Schema{
			"a": text, "b": {Type: "array", Items: text}, "c": {Type: "object", Values: text},
		}}
		edit(s)
		return s
	}
	for name, tt := range map[string]struct {
		now  *Schema
		want string
	}{
		"nothing":      {change(func(*Schema) {}), ""},
		"more":         {change(func(s *Schema) { s.Properties["d"] = text; s.Required = append(s.Required, "b") }), ""},
		"gone":         {change(func(s *Schema) { delete(s.Properties, "b") }), "/b is gone"},
		"other type":   {change(func(s *Schema) { s.Properties["a"] = number }), "/a is integer, was string"},
		"optional":     {change(func(s *Schema) { s.Required = nil }), "/a may be missing, was always there"},
		"other items":  {change(func(s *Schema) { s.Properties["b"] = &Schema{Type: "array", Items: number} }), "/b/* is integer, was string"},
		"other values": {change(func(s *Schema) { s.Properties["c"] = &Schema{Type: "object", Values: number} }), "/c/* is integer, was string"},
	} {
		if got := strings.Join(Broken(old, tt.now), "; "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// fits lists what of a value its schema does not say.
func fits(at string, v any, s *Schema) []string {
	if s == nil {
		return []string{at + " is not described"}
	}
	switch v := v.(type) {
	case nil:
		if s.Type != "" {
			return []string{at + " is null, not " + s.Type}
		}
	case map[string]any:
		var all []string
		for _, r := range s.Required {
			if _, ok := v[r]; !ok {
				all = append(all, at+"/"+r+" is missing")
			}
		}
		for name, member := range v {
			if s.Properties == nil && s.Values == nil && s.Type == "" {
				continue
			}
			of := s.Properties[name]
			if of == nil {
				of = s.Values
			}
			all = append(all, fits(at+"/"+name, member, of)...)
		}
		return all
	case []any:
		var all []string
		for _, item := range v {
			if s.Type != "" {
				all = append(all, fits(at+"/*", item, s.Items)...)
			}
		}
		return all
	case string:
		if s.Type != "string" && s.Type != "" {
			return []string{at + " is a text, not " + s.Type}
		}
	case float64:
		if s.Type != "integer" && s.Type != "number" && s.Type != "" {
			return []string{at + " is a number, not " + s.Type}
		}
	}
	return nil
}

// TestSamplesFitTheirSchemas: the sample of every type is what its published schema says, whatever of values its reader
// may see.
func TestSamplesFitTheirSchemas(t *testing.T) {
	var kinds []string
	for _, e := range Samples() {
		kinds = append(kinds, e.Type)
		data, ok := Published(e.Type, e.Schema)
		var s Schema
		if !ok || json.Unmarshal(data, &s) != nil {
			t.Errorf("%s has no schema", e.Type)
			continue
		}
		for _, form := range []string{cloudevent.IDs, cloudevent.Masked, cloudevent.Full} {
			line := cloudevent.New("default", eventstore.Head{Generation: 1}, form).Line(nil, e)
			var v struct{ Data any }
			if err := json.Unmarshal(line, &v); err != nil || v.Data == nil {
				t.Errorf("%s, %s: %v: %s", e.Type, form, err, line)
			} else if faults := fits("", v.Data, &s); len(faults) > 0 {
				t.Errorf("%s, %s: %s", e.Type, form, strings.Join(faults, "; "))
			}
		}
	}
	slices.Sort(kinds)
	if !slices.Equal(kinds, Types()) {
		t.Errorf("samples of %v, want one of each of %v", kinds, Types())
	}
	if Version(domain.RecordUpdated) != 1 {
		t.Error("record.updated has another schema: its first one must stay published")
	}
}

func TestAsyncAPIDescribesEveryType(t *testing.T) {
	data, err := AsyncAPI("1.2.3", "https://sync.example.com")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		AsyncAPI string
		Servers  map[string]struct{ Host, Protocol string }
		Channels map[string]struct {
			Messages map[string]struct {
				Ref string `json:"$ref"`
			}
		}
		Components struct {
			Messages map[string]struct {
				Payload struct {
					Properties struct {
						Type  struct{ Const string }
						Data  Schema
						Again Schema
					}
				}
			}
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil || doc.AsyncAPI != "3.0.0" || doc.Servers["api"].Host != "sync.example.com" {
		t.Fatalf("%v: %s", err, data)
	}
	marks := doc.Components.Messages[name(cloudevent.Position)].Payload.Properties
	if doc.Channels["events"].Messages[name(cloudevent.Position)].Ref == "" || marks.Type.Const != cloudevent.Position || marks.Data.Type != "" {
		t.Errorf("marks are described as %+v", marks)
	}
	for _, kind := range Types() {
		ref := doc.Channels["events"].Messages[name(kind)].Ref
		of := doc.Components.Messages[strings.TrimPrefix(ref, "#/components/messages/")].Payload.Properties
		if of.Type.Const != kind || of.Data.Type != "object" || of.Again.Type != "boolean" {
			t.Errorf("%s leads to %q, which describes %+v", kind, ref, of.Type)
		}
	}
}
