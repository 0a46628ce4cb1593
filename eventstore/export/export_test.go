package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/eventstore/export"
	"github.com/duolog/duolog/eventstore/seal"
	"github.com/duolog/duolog/eventstore/treehead"
)

const person = "hubspot/contact/1"

// sealedLog is a log of 30 events about three people, and its seal.
type sealedLog struct {
	store  eventstore.Store
	log    eventstore.Log
	sealer *seal.Sealer
	head   seal.Signed
}

func each(t *testing.T, fn func(t *testing.T, l *sealedLog)) {
	t.Helper()
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		events := make([]eventstore.NewEvent, 30)
		for i := range events {
			stream := fmt.Sprintf("hubspot/contact/%d", i%3)
			events[i] = eventstore.NewEvent{
				ID: ulid.Make(), Stream: stream, Type: "record.updated", Schema: 1, Subject: stream, Actor: "hubspot",
				OccurredAt: int64(i%2) * 1_700_000_000_000_001, Causation: int64(i % 4),
				Data: fmt.Appendf(nil, "{\"n\": %d,\n\"name\": \"<Jane> & Söhne\"}", i+1),
			}
		}
		if _, err := log.Append(t.Context(), events...); err != nil {
			t.Fatal(err)
		}
		l := &sealedLog{store: store, log: log}
		if l.sealer, err = seal.New(seal.Config{DB: store, Log: log}); err != nil {
			t.Fatal(err)
		}
		if l.head, err = l.sealer.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		fn(t, l)
	})
}

func (l *sealedLog) write(t *testing.T, change func(*export.Options)) (string, export.Summary) {
	t.Helper()
	o := export.Options{
		DB: l.store, Log: l.log, Head: l.head, Sign: l.sealer.Sign, Key: l.sealer.Public(), Scope: "all", From: 1, Through: 30,
	}
	if change != nil {
		change(&o)
	}
	var out bytes.Buffer
	sum, err := export.Write(t.Context(), &out, o)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), sum
}

func verified(t *testing.T, file, key string) export.Report {
	t.Helper()
	r, err := export.Verify(strings.NewReader(file), key)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (l *sealedLog) one(t *testing.T, change func(*export.Options)) string {
	t.Helper()
	only, err := export.Positions(t.Context(), l.store, "default", 30, person)
	if err != nil || len(only) != 10 {
		t.Fatalf("%v, %v", only, err)
	}
	file, _ := l.write(t, func(o *export.Options) {
		o.Only = only
		if change != nil {
			change(o)
		}
	})
	return file
}

func TestExportsVerify(t *testing.T) {
	each(t, func(t *testing.T, l *sealedLog) {
		all, sum := l.write(t, nil)
		if r := verified(t, all, l.sealer.Public()); !r.OK() || r.Events != 30 || r.Disclosed != 30 || r.Summary != sum {
			t.Errorf("whole log: %+v", r)
		}
		if strings.Count(all, "\n") != 32 || strings.Count(all, `"name":"<Jane> & Söhne"`) != 30 {
			t.Errorf("its lines: %s", all)
		}
		period, _ := l.write(t, func(o *export.Options) { o.From, o.Through = 12, 15 })
		if r := verified(t, period, l.sealer.Public()); !r.OK() || r.Events != 4 {
			t.Errorf("period: %+v", r)
		}
		week := l.one(t, func(o *export.Options) { o.From, o.Through = 5, 20 })
		if r := verified(t, week, l.sealer.Public()); !r.OK() || r.Events != 6 {
			t.Errorf("contact and period: %+v", r)
		}
		none, _ := l.write(t, func(o *export.Options) { o.Only = []int64{} })
		if r := verified(t, none, l.sealer.Public()); !r.OK() || r.Events != 0 {
			t.Errorf("nothing: %+v", r)
		}
		dark, _ := l.write(t, func(o *export.Options) { o.Sealed = true })
		if r := verified(t, dark, l.sealer.Public()); !r.OK() || r.Events != 30 || r.Disclosed != 0 || strings.Contains(dark, "Jane") {
			t.Errorf("sealed: %+v", r)
		}
	})
}

// TestErasedPeopleAreNotInExports: what is left of them still verifies.
func TestErasedPeopleAreNotInExports(t *testing.T) {
	each(t, func(t *testing.T, l *sealedLog) {
		for _, statement := range []string{
			"UPDATE subject_key SET wrapped = NULL WHERE subject = '" + person + "'",
			"UPDATE log_head SET key_epoch = key_epoch + 1",
		} {
			if _, err := l.store.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.log.Head(t.Context()); err != nil { // learns that keys were destroyed
			t.Fatal(err)
		}
		file, sum := l.write(t, nil)
		if sum.Erased != 10 || sum.Disclosed != 20 || strings.Contains(file, `"n":2,`) {
			t.Errorf("%+v", sum)
		}
		if r := verified(t, file, l.sealer.Public()); !r.OK() || r.Erased != 10 {
			t.Errorf("%+v", r)
		}
	})
}

// TestAKeyOpensItsEventOnly: the keys in a file open nothing outside it.
func TestAKeyOpensItsEventOnly(t *testing.T) {
	each(t, func(t *testing.T, l *sealedLog) {
		file := l.one(t, func(o *export.Options) { o.From, o.Through = 1, 10 })
		for _, text := range []string{`"n":11`, `"n":14`, `"n":3`} {
			if strings.Contains(file, text) {
				t.Errorf("it shows %s", text)
			}
		}
		lines := strings.Split(file, "\n")
		var a, b map[string]any
		if json.Unmarshal([]byte(lines[1]), &a) != nil || json.Unmarshal([]byte(lines[2]), &b) != nil || a["eventkey"] == b["eventkey"] {
			t.Error("two events of a person have one key")
		}
	})
}

func kinds(r export.Report) []string {
	var found []string
	for _, f := range r.Faults {
		found = append(found, fmt.Sprintf("%s %d", f.Kind, f.Position))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// member changes a member of a line.
func member(name string, to any) func(t *testing.T, lines []string) []string {
	return func(t *testing.T, lines []string) []string {
		var l map[string]json.RawMessage
		if err := json.Unmarshal([]byte(lines[3]), &l); err != nil {
			t.Fatal(err)
		}
		was, ok := l[name]
		if !ok {
			t.Fatalf("no member %s", name)
		}
		now, _ := json.Marshal(to)
		if name == "eventkey" {
			var other map[string]json.RawMessage
			_ = json.Unmarshal([]byte(lines[4]), &other)
			now = other[name]
		}
		lines[3] = strings.Replace(lines[3], `"`+name+`":`+string(was), `"`+name+`":`+string(now), 1)
		return lines
	}
}

func TestVerifyFindsWhatWasDone(t *testing.T) {
	id := ulid.Make().String()
	cases := []struct {
		name string
		do   func(t *testing.T, lines []string) []string
		want []string
	}{
		// The fourth line is event 8, the third of ten: 2, 5, 8, 11 …
		{"id", member("id", id), []string{"end 0", "key 8", "proof 8"}},
		{"type", member("type", "x"), []string{"end 0", "key 8", "proof 8"}},
		{"stream", member("subject", "x"), []string{"end 0", "key 8", "proof 8"}},
		{"recorded", member("time", "2026-01-01T00:00:00.000000Z"), []string{"end 0", "proof 8"}},
		{"occurred", member("occurredat", "2026-01-01T00:00:00.000000Z"), []string{"end 0", "proof 8"}},
		{"position", member("sequence", "9"), []string{"added 9", "end 0", "missing 8", "proof 9"}},
		{"generation", member("generation", "2"), []string{"end 0", "line 8", "missing 8"}},
		{"source", member("source", "/duolog/x"), []string{"end 0", "line 8", "missing 8"}},
		{"actor", member("actor", "x"), []string{"end 0", "proof 8"}},
		{"schema", member("schema", 2), []string{"end 0", "key 8", "proof 8"}},
		{"causation", member("causation", "2"), []string{"end 0", "proof 8"}},
		{"whose key", member("datasubject", "x"), []string{"end 0", "key 8", "proof 8"}},
		{"sealed bytes", member("sealed", []byte("x")), []string{"end 0", "key 8", "proof 8"}},
		{"digest of the key", member("keyhash", make([]byte, 32)), []string{"end 0", "key 8", "proof 8"}},
		{"key of another", member("eventkey", nil), []string{"end 0", "key 8"}},
		{"proof", member("proof", []byte("x")), []string{"end 0", "proof 8"}},
		{"data", member("data", map[string]int{"n": 9}), []string{"data 8", "end 0"}},
		{"a word more", func(_ *testing.T, l []string) []string {
			l[3] = strings.Replace(l[3], "{", `{"verdict":"guilty",`, 1)
			return l
		}, []string{"end 0", "line 8"}},
		{"no JSON", func(_ *testing.T, l []string) []string { l[3] = "x"; return l }, []string{"end 0", "line 0", "missing 8"}},
		{"line removed", func(_ *testing.T, l []string) []string { return slices.Delete(l, 3, 4) }, []string{"end 0", "missing 8"}},
		{"line twice", func(_ *testing.T, l []string) []string { return slices.Insert(l, 3, l[3]) }, []string{"added 8", "end 0"}},
		{"order", func(_ *testing.T, l []string) []string {
			l[3], l[4] = l[4], l[3]
			return l
		}, []string{"added 8", "end 0", "missing 8"}},
		{"end removed", func(_ *testing.T, l []string) []string { return l[:len(l)-1] }, []string{"end 0"}},
		{"line past the end", func(_ *testing.T, l []string) []string { return append(l, l[3]) }, []string{"added 0"}},
		{"scope", func(_ *testing.T, l []string) []string {
			l[0] = strings.Replace(l[0], `"scope":"all"`, `"scope":"everything"`, 1)
			return l
		}, []string{"end 0"}},
		{"connection", func(_ *testing.T, l []string) []string {
			l[0] = strings.Replace(l[0], `"connection":"default"`, `"connection":"other"`, 1)
			return l
		}, nil},
		{"head", func(_ *testing.T, l []string) []string {
			l[0] = strings.Replace(l[0], `\n30\n`, `\n29\n`, 1)
			return l
		}, nil},
	}
	each(t, func(t *testing.T, l *sealedLog) {
		file := l.one(t, nil)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				lines := c.do(t, strings.Split(strings.TrimSuffix(file, "\n"), "\n"))
				r := verified(t, strings.Join(lines, "\n")+"\n", l.sealer.Public())
				found := kinds(r)
				if c.want == nil && !slices.Contains(found, "head 0") || c.want != nil && !slices.Equal(found, c.want) {
					t.Errorf("found %v, want %v", found, c.want)
				}
			})
		}
	})
}

// TestAnotherKeysFileIsRefused: whoever forges a file whole signs it with a key of their own.
func TestAnotherKeysFileIsRefused(t *testing.T) {
	each(t, func(t *testing.T, l *sealedLog) {
		key, err := treehead.NewKey("default", make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		file, _ := l.write(t, nil)
		if found := kinds(verified(t, file, key.Public())); !slices.Equal(found, []string{"end 0", "head 0"}) {
			t.Errorf("found %v", found)
		}
		if _, err := export.Verify(strings.NewReader(file), "no key"); err == nil {
			t.Error("it takes anything for a key")
		}
		for _, text := range []string{"", "{}\n", `{"duolog_export":2}` + "\n"} {
			if _, err := export.Verify(strings.NewReader(text), key.Public()); err == nil {
				t.Errorf("%q is taken for an export", text)
			}
		}
	})
}

func TestWriteRefusesWhatIsNotSealed(t *testing.T) {
	each(t, func(t *testing.T, l *sealedLog) {
		o := export.Options{DB: l.store, Log: l.log, Head: l.head, Sign: l.sealer.Sign, From: 1, Through: 31}
		if _, err := export.Write(context.WithoutCancel(t.Context()), &bytes.Buffer{}, o); err == nil {
			t.Error("it exports an event past the head")
		}
	})
}
