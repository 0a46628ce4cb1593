package domain

import (
	"errors"
	"strings"
	"testing"
)

func TestChecksFindGaps(t *testing.T) {
	keep := func(b []byte) ([]byte, error) { return b, nil }
	for name, c := range map[string]struct {
		lineage lineage
		want    string
	}{
		"never changed": {lineage{current: 1}, ""},
		"whole":         {lineage{current: 3, up: map[int]upcaster{1: keep, 2: keep}}, ""},
		"gap":           {lineage{current: 3, up: map[int]upcaster{1: keep}}, "nothing makes schema 3 of 2"},
		"no chain":      {lineage{current: 2}, "nothing makes schema 2 of 1"},
		"beyond today":  {lineage{current: 2, up: map[int]upcaster{1: keep, 2: keep}}, "an upcaster from schema 2"},
		"no schema":     {lineage{}, "has no schema"},
	} {
		err := registry{"x.happened": c.lineage}.check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if err := CheckSchemas(); err != nil {
		t.Errorf("this program's own: %v", err)
	}
}

func TestUpcast(t *testing.T) {
	add := func(s string) upcaster { return func(b []byte) ([]byte, error) { return append(b, s...), nil } }
	broken := errors.New("broken")
	r := registry{
		"x.happened": {current: 3, up: map[int]upcaster{1: add("b"), 2: add("c")}},
		"x.broke":    {current: 2, up: map[int]upcaster{1: func([]byte) ([]byte, error) { return nil, broken }}},
	}
	for schema, want := range map[int]string{1: "abc", 2: "ac", 3: "a"} {
		got, now, err := r.upcast("x.happened", schema, []byte("a"))
		if string(got) != want || now != 3 || err != nil {
			t.Errorf("schema %d became %q, %d, %v; want %q, 3", schema, got, now, err, want)
		}
	}
	for _, c := range []struct {
		kind   string
		schema int
		want   error
	}{
		{"x.happened", 4, ErrNewerSchema}, {"x.else", 1, ErrUnknownEvent}, {"x.broke", 1, broken},
	} {
		if _, _, err := r.upcast(c.kind, c.schema, nil); !errors.Is(err, c.want) {
			t.Errorf("%s, schema %d: %v, want %v", c.kind, c.schema, err, c.want)
		}
	}
	if _, _, err := r.upcast("x.happened", 0, nil); err == nil {
		t.Error("schema 0 was taken")
	}
	if SchemaOf("x.else") != 0 {
		t.Error("an unknown type has a schema")
	}
}
