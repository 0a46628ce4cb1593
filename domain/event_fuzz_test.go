package domain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
)

// FuzzUpcast: a stored payload comes to today's schema or is an error that says why; what can be read of it is
// written again as the same, so that what one program takes in another takes for no other thing.
func FuzzUpcast(f *testing.F) {
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		kind, schema, _ := strings.Cut(strings.TrimSuffix(filepath.Base(name), ".json"), ".v")
		n, err := strconv.Atoi(schema)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(kind, n, data)
		f.Add(kind, n+1, data[:len(data)/2])
	}
	f.Add("contact.created", 1, []byte(`{}`))
	f.Add(domain.RecordUpdated, 0, []byte(`{"properties":{"a":null},"clocks":{"a":1e3},"primary":"hubspot/contact/a/b"}`))
	f.Fuzz(func(t *testing.T, kind string, schema int, stored []byte) {
		before := bytes.Clone(stored)
		data, now, err := domain.Upcast(kind, schema, stored)
		today := domain.SchemaOf(kind)
		switch {
		case !bytes.Equal(stored, before):
			t.Fatal("what is stored was changed")
		case today == 0 && !errors.Is(err, domain.ErrUnknownEvent),
			today > 0 && schema > today && !errors.Is(err, domain.ErrNewerSchema):
			t.Fatalf("%s schema %d, today's is %d: %v", kind, schema, today, err)
		case err == nil && (now != today || schema < 1 || schema > today):
			t.Fatalf("%s schema %d became %d, today's is %d", kind, schema, now, today)
		case err != nil:
			return
		}
		first := payloadOf(kind)
		if json.Unmarshal(data, first.Interface()) != nil {
			return
		}
		text, err := json.Marshal(first.Interface())
		if err != nil {
			t.Fatalf("read, but not to be written: %v", err)
		}
		second := payloadOf(kind)
		if err := json.Unmarshal(text, second.Interface()); err != nil {
			t.Fatalf("written as %s, which cannot be read: %v", text, err)
		}
		again, err := json.Marshal(second.Interface())
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("written as %s, then as %s: %v", text, again, err)
		}
	})
}
