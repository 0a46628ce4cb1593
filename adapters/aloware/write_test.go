package aloware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

const (
	phone   = "+14155550142"
	another = "+14155550143"
)

type values = map[string]json.RawMessage

// person makes Ann in the account, as her record.
func (a account) person(t *testing.T) domain.Record {
	t.Helper()
	id, err := a.Create(map[string]any{
		"phone_number": phone, "first_name": "Ann", "last_name": "Lee", "email": "ann@people.example",
		"city": "Reno", "is_dnc": true, "date_of_birth": "1980-02-03", "user_id": 1, "tags": "vip, new",
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	return domain.Record{System: domain.Aloware, ID: id}
}

func (a account) write(t *testing.T, w adapters.Write) adapters.WriteAnswer {
	t.Helper()
	if w.Phone == "" {
		w.Phone = phone
	}
	got := a.Write(context.Background(), []adapters.Write{w})
	if len(got) != 1 {
		t.Fatalf("%d answers", len(got))
	}
	return got[0]
}

func wantError(t *testing.T, err error, class adapters.Class, reason string) *adapters.Error {
	t.Helper()
	var e *adapters.Error
	if !errors.As(err, &e) || e.Class != class || e.Reason != reason {
		t.Fatalf("got %#v, want class %d, reason %q", err, class, reason)
	}
	return e
}

func TestUpdateNeverFollowsAPhoneThatMoved(t *testing.T) {
	a := open(t, sandbox.Config{})
	ann := a.person(t)
	if err := a.Edit(ann.ID, map[string]any{"phone_number": another}); err != nil {
		t.Fatal(err)
	}
	change := adapters.Write{Record: ann, Values: values{"city": raw(t, "Elko")}}

	e := wantError(t, a.write(t, change).Err, adapters.Rejected, domain.ReasonMoved)
	if !e.Existing.IsZero() {
		t.Errorf("nobody holds the phone, got %v", e.Existing)
	}
	bob, err := a.Create(map[string]any{"phone_number": phone}, "")
	if err != nil {
		t.Fatal(err)
	}
	e = wantError(t, a.write(t, change).Err, adapters.Rejected, domain.ReasonMoved)
	if e.Existing.ID != bob {
		t.Errorf("got %v, want Bob", e.Existing)
	}
	if s := a.Stats(); s.Posts != 0 || s.Contacts != 2 {
		t.Errorf("%d POSTs, %d contacts", s.Posts, s.Contacts)
	}
}

func TestEqualValuesAreNotSent(t *testing.T) {
	a := open(t, sandbox.Config{})
	ann := a.person(t)
	got := a.write(t, adapters.Write{Record: ann, Values: values{
		"city": raw(t, "Reno"), "is_dnc": raw(t, "1"), "date_of_birth": raw(t, "1980-02-03"), "user_id": raw(t, "1"),
		"phone_number": raw(t, "+1 (415) 555-0142"), "company_name": raw(t, nil), "notes": raw(t, ""),
		"tags": raw(t, "new,vip"),
	}})
	if got.Err != nil || len(got.Refused) != 0 || !got.Unneeded || got.Record != ann || !got.Complete || got.Clock == 0 {
		t.Fatalf("%+v", got)
	}
	if string(got.Shows["cnam_city"]) != `"Reno"` {
		t.Error("shows no read names")
	}
	if s := a.Stats(); s.Posts != 0 {
		t.Errorf("%d POSTs", s.Posts)
	}
}

func TestOnlyWhatDiffersIsSent(t *testing.T) {
	a, log := listen(t, nil)
	ann := a.person(t)
	got := a.write(t, adapters.Write{Record: ann, Values: values{
		"city": raw(t, "Elko"), "first_name": raw(t, "Ann"), "user_id": raw(t, 1),
	}})
	if got.Err != nil || got.Unneeded || string(got.Shows["cnam_city"]) != `"Elko"` {
		t.Fatalf("%+v", got)
	}
	sent := log.forms(t)
	if len(sent) != 1 {
		t.Fatalf("%d POSTs", len(sent))
	}
	delete(sent[0], "api_token")
	want := `{"city":"Elko","force_update":true,"phone_number":"` + phone + `"}`
	if text := string(raw(t, sent[0])); text != want {
		t.Errorf("sent %s, want %s", text, want)
	}
}

// A value is not written over something else than the write was decided on; the others of the write are.
func TestNothingUnexpectedIsOverwritten(t *testing.T) {
	expect := func(property string, value any) planner.Expected {
		return planner.Expected{Property: property, Value: raw(t, value)}
	}
	a, log := listen(t, nil)
	w := adapters.Write{
		Record: a.person(t),
		Values: values{"city": raw(t, "Elko"), "first_name": raw(t, "Anna"), "last_name": raw(t, "Lea")},
		Expects: map[string]planner.Expected{
			"city": expect("cnam_city", "Reno"), "first_name": expect("first_name", "Bob"), "last_name": expect("last_name", nil),
		},
	}
	got := a.write(t, w)
	if got.Err != nil || len(got.Refused) != 2 || got.Refused["first_name"] != domain.ReasonChanged ||
		got.Refused["last_name"] != domain.ReasonChanged || string(got.Shows["first_name"]) != `"Ann"` {
		t.Fatalf("%+v", got)
	}
	if sent := log.forms(t); len(sent) != 1 || sent[0]["city"] != "Elko" || sent[0]["first_name"] != nil {
		t.Fatalf("sent %v", sent)
	}
	delete(w.Values, "city")
	got = a.write(t, w)
	wantError(t, got.Err, adapters.Rejected, domain.ReasonChanged)
	if len(log.forms(t)) != 1 || string(got.Shows["first_name"]) != `"Ann"` {
		t.Fatalf("%+v", got)
	}
}

// After a doubt our own write may be what shows, in Aloware's spelling; what cannot be that is a change, and stays.
func TestWriteInDoubtGoesOverNobodysValue(t *testing.T) {
	long := strings.Repeat("Wilhelmina ", 4)
	for _, tt := range []struct {
		ours, shown string
		kept        bool
	}{
		{"Anna", "Bob", false},         // what it was decided on: ours did not arrive
		{"Anna", "Anya", false},        // an earlier one of the lane, which was tried with it
		{"Anna", "ANNA", false},        // ours, as Aloware writes it
		{"St. Anna", "St Anna", false}, // again
		{long, long[:32+8], false},     // ours, cut off
		{"Anna", "Ann", true},          // a person's
		{"Anna", "Ben", true},
		{"Anna", "", true}, // emptied
		{"", "Ben", true},
	} {
		a, log := listen(t, nil)
		ann := a.person(t)
		if err := a.Edit(ann.ID, map[string]any{"first_name": tt.shown}); err != nil {
			t.Fatal(err)
		}
		w := adapters.Write{
			Record: ann, Again: true, Values: values{"city": raw(t, "Elko"), "first_name": raw(t, tt.ours)},
			Tried:   map[string][]json.RawMessage{"first_name": {raw(t, "Anya"), raw(t, tt.ours)}},
			Expects: map[string]planner.Expected{"first_name": {Property: "first_name", Value: raw(t, "Bob")}},
		}
		got := a.write(t, w)
		_, written := log.forms(t)[0]["first_name"]
		if got.Err != nil || written == tt.kept || (got.Refused["first_name"] == domain.ReasonChanged) != tt.kept {
			t.Errorf("%q over %q: sent %v, %+v", tt.ours, tt.shown, log.forms(t), got)
		}
	}
}

// What may be ours is looked for where the field is read, whatever name Aloware's own is.
func TestWriteInDoubtLooksWhereTheFieldIsRead(t *testing.T) {
	for shown, kept := range map[string]bool{"ELKO": false, "Reno": true} {
		a, _ := listen(t, nil)
		ann := a.person(t)
		if err := a.Edit(ann.ID, map[string]any{"first_name": shown}); err != nil {
			t.Fatal(err)
		}
		got := a.write(t, adapters.Write{
			Record: ann, Again: true, Values: values{"city": raw(t, "Elko"), "last_name": raw(t, "Lee")},
			Tried:   map[string][]json.RawMessage{"city": {raw(t, "Elko")}},
			Expects: map[string]planner.Expected{"city": {Property: "first_name", Value: raw(t, "Bob")}},
		})
		if got.Err != nil || (got.Refused["city"] == domain.ReasonChanged) != kept {
			t.Errorf("%s: %+v", shown, got)
		}
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	t.Run("found first", func(t *testing.T) {
		a := open(t, sandbox.Config{})
		ann := a.person(t)
		got := a.write(t, adapters.Write{Create: true, Values: values{"first_name": raw(t, "Bob")}})
		a.wantTaken(t, got, ann.ID)
		if s := a.Stats(); s.Posts != 0 {
			t.Errorf("%d POSTs", s.Posts)
		}
	})
	t.Run("found by another try", func(t *testing.T) {
		a := open(t, sandbox.Config{})
		ann := a.person(t)
		for name, made := range map[string]bool{"Ann": true, "Bob": false} {
			got := a.write(t, adapters.Write{Create: true, Again: true, Values: values{"first_name": raw(t, name)}})
			if a.wantTaken(t, got, ann.ID); got.Created != made {
				t.Errorf("%s: taken for ours: %v", name, got.Created)
			}
		}
		if got := a.write(t, adapters.Write{Create: true, Values: values{"first_name": raw(t, "Ann")}}); got.Created {
			t.Error("somebody else's contact is taken for ours at the first try")
		}
	})
	t.Run("appears after the look-up", func(t *testing.T) {
		var a account
		var id string
		a, log := listen(t, func(r *http.Request) {
			if r.Method == http.MethodPost && id == "" {
				id = a.person(t).ID
			}
		})
		got := a.write(t, adapters.Write{Create: true, Values: values{
			"first_name": raw(t, "Bob"), "force_update": raw(t, true),
		}})
		a.wantTaken(t, got, id)
		if _, sent := log.forms(t)[0]["force_update"]; sent {
			t.Error("a value lifted the guard")
		}
	})
}

// wantTaken expects a create that found the record and left it alone.
func (a account) wantTaken(t *testing.T, got adapters.WriteAnswer, id string) {
	t.Helper()
	e := wantError(t, got.Err, adapters.Rejected, domain.ReasonExists)
	if e.Existing.ID != id || string(got.Shows["first_name"]) != `"Ann"` || !got.Complete || got.Clock == 0 {
		t.Errorf("%+v", got)
	}
	if s := a.Stats(); s.Contacts != 1 || s.Writes != 0 {
		t.Errorf("%d contacts, %d notifications", s.Contacts, s.Writes)
	}
}

// A phone that moves between the look-up and the POST makes a second contact: the window Aloware leaves open. It must
// be told and not pass for success.
func TestPhoneMovesWhileWriting(t *testing.T) {
	var a account
	var ann domain.Record
	a, _ = listen(t, func(r *http.Request) {
		if r.Method == http.MethodPost {
			if err := a.Edit(ann.ID, map[string]any{"phone_number": another}); err != nil {
				t.Error(err)
			}
		}
	})
	ann = a.person(t)
	got := a.write(t, adapters.Write{Record: ann, Values: values{"city": raw(t, "Elko")}})
	e := wantError(t, got.Err, adapters.Rejected, domain.ReasonMoved)
	if e.Existing.IsZero() || e.Existing == ann {
		t.Errorf("existing is %v", e.Existing)
	}
}

func TestRepeatAfterDoubtIsEffectiveOnce(t *testing.T) {
	for name, faults := range map[string][]sandboxkit.Fault{
		"look-up fails":             {sandboxkit.FailBefore},
		"fails before commit":       {sandboxkit.Pass, sandboxkit.FailBefore},
		"fails after commit":        {sandboxkit.Pass, sandboxkit.FailAfter},
		"breaks off after commit":   {sandboxkit.Pass, sandboxkit.Drop},
		"read-back fails":           {sandboxkit.Pass, sandboxkit.Pass, sandboxkit.FailBefore},
		"read-back is limited":      {sandboxkit.Pass, sandboxkit.Pass, sandboxkit.Limit},
		"POST is limited":           {sandboxkit.Pass, sandboxkit.Limit},
		"read-back breaks off":      {sandboxkit.Pass, sandboxkit.Pass, sandboxkit.Drop},
		"fails after commit, twice": {sandboxkit.Pass, sandboxkit.FailAfter, sandboxkit.FailBefore},
	} {
		t.Run("update "+name, func(t *testing.T) {
			a := open(t, sandbox.Config{})
			ann := a.person(t)
			a.Injector().Next(faults...)
			got := a.repeat(t, adapters.Write{Record: ann, Values: values{"city": raw(t, "Elko")}})
			if got.Err != nil || got.Record != ann || string(got.Shows["cnam_city"]) != `"Elko"` {
				t.Errorf("%+v", got)
			}
			if s := a.Stats(); s.Writes != 1 || s.Contacts != 1 {
				t.Errorf("%d effective POSTs, %d contacts", s.Writes, s.Contacts)
			}
		})
		t.Run("create "+name, func(t *testing.T) {
			a := open(t, sandbox.Config{})
			a.Injector().Next(faults...)
			got := a.repeat(t, adapters.Write{Create: true, Values: values{"city": raw(t, "Elko")}})
			if got.Err != nil {
				wantError(t, got.Err, adapters.Rejected, domain.ReasonExists)
			}
			if !got.Created {
				t.Error("our own contact is not taken for ours")
			}
			if got.Record.IsZero() || string(got.Shows["cnam_city"]) != `"Elko"` {
				t.Errorf("%+v", got)
			}
			if s := a.Stats(); s.Writes != 1 || s.Contacts != 1 {
				t.Errorf("%d effective POSTs, %d contacts", s.Writes, s.Contacts)
			}
		})
	}
}

// repeat writes until the answer is no longer one to try again.
func (a account) repeat(t *testing.T, w adapters.Write) adapters.WriteAnswer {
	t.Helper()
	for range 5 {
		got := a.write(t, w)
		var e *adapters.Error
		if !errors.As(got.Err, &e) || (e.Class != adapters.Retry && e.Class != adapters.Throttled) {
			return got
		}
		w.Again = true
	}
	t.Fatal("still failing")
	return adapters.WriteAnswer{}
}

// A failure says whether the write may have arrived: not before the POST, and not when that was turned away.
func TestFailureTellsOfDoubt(t *testing.T) {
	for name, tt := range map[string]struct {
		faults []sandboxkit.Fault
		unsent bool
	}{
		"look-up fails":        {[]sandboxkit.Fault{sandboxkit.FailBefore}, true},
		"look-up breaks off":   {[]sandboxkit.Fault{sandboxkit.Drop}, true},
		"POST is limited":      {[]sandboxkit.Fault{sandboxkit.Pass, sandboxkit.Limit}, true},
		"POST fails":           {[]sandboxkit.Fault{sandboxkit.Pass, sandboxkit.FailAfter}, false},
		"POST breaks off":      {[]sandboxkit.Fault{sandboxkit.Pass, sandboxkit.Drop}, false},
		"read-back is limited": {[]sandboxkit.Fault{sandboxkit.Pass, sandboxkit.Pass, sandboxkit.Limit}, false},
	} {
		a := open(t, sandbox.Config{})
		a.Injector().Next(tt.faults...)
		var e *adapters.Error
		if got := a.write(t, adapters.Write{Create: true, Values: values{"city": raw(t, "Elko")}}); !errors.As(got.Err, &e) {
			t.Errorf("%s: %+v", name, got)
		} else if e.Unsent != tt.unsent {
			t.Errorf("%s: unsent %v", name, e.Unsent)
		}
	}
}

func TestRefusedValuesDoNotStopTheOthers(t *testing.T) {
	a := open(t, sandbox.Config{})
	ann := a.person(t)
	got := a.write(t, adapters.Write{Record: ann, Values: values{
		"city": raw(t, "Elko"), "date_of_birth": raw(t, "03/02/80"), "email": raw(t, "nonsense"),
		"force_update_sequence": raw(t, true), "created_at": raw(t, "now"), "phone_number": raw(t, another),
	}})
	if got.Err != nil || string(got.Shows["cnam_city"]) != `"Elko"` || len(got.Refused) != 5 {
		t.Fatalf("%+v", got)
	}
	if got.Refused["date_of_birth"] != "The date of birth is not a valid date." {
		t.Errorf("reason %q", got.Refused["date_of_birth"])
	}
	if s := a.Stats(); s.Writes != 1 {
		t.Errorf("%d effective POSTs", s.Writes)
	}
	got = a.write(t, adapters.Write{Record: ann, Values: values{"phone_number": raw(t, another)}})
	e := wantError(t, got.Err, adapters.Rejected, domain.ReasonInvalid)
	if e.Refused["phone_number"] == "" || got.Record != ann {
		t.Errorf("%+v", got)
	}
}

func TestInvalidPhone(t *testing.T) {
	a := open(t, sandbox.Config{})
	got := a.write(t, adapters.Write{Create: true, Phone: "+1555"})
	wantError(t, got.Err, adapters.Rejected, domain.ReasonInvalid)
	got = a.Write(context.Background(), []adapters.Write{{Create: true}})[0]
	wantError(t, got.Err, adapters.Rejected, domain.ReasonInvalid)
}

func TestReadByIDLooksThePhoneUp(t *testing.T) {
	a := open(t, sandbox.Config{})
	ann := a.person(t)
	got := a.Read(context.Background(), []adapters.ReadRequest{
		{By: "id", Value: ann.ID, Phone: phone},
		{By: "id", Value: ann.ID},
		{By: "id", Value: "7", Phone: phone},
		{By: "email", Value: "ann@people.example"},
		{By: "phone", Value: another},
	})
	for _, i := range []int{0, 2} {
		if got[i].Err != nil || len(got[i].Records) != 1 || got[i].Records[0].Record != ann {
			t.Errorf("%d: %+v", i, got[i])
		}
	}
	for _, i := range []int{1, 3} {
		if !errors.Is(got[i].Err, adapters.ErrUnsupported) {
			t.Errorf("%d: %+v", i, got[i])
		}
	}
	if got[4].Err != nil || len(got[4].Records) != 0 {
		t.Errorf("nobody: %+v", got[4])
	}
}

// wire keeps the POST bodies that pass.
type wire struct {
	mu     sync.Mutex
	bodies [][]byte
}

// listen opens an account behind a wire; before runs ahead of each request the sandbox gets.
func listen(t *testing.T, before func(*http.Request)) (account, *wire) {
	t.Helper()
	box, log := sandbox.New(sandbox.Config{Token: token}), &wire{}
	t.Cleanup(box.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before != nil {
			before(r)
		}
		body, _ := io.ReadAll(r.Body)
		if strings.HasSuffix(r.URL.Path, "/forms") {
			log.mu.Lock()
			log.bodies = append(log.bodies, body)
			log.mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		box.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return account{Sandbox: box, Client: dial(t, server.URL, token), url: server.URL}, log
}

func (w *wire) forms(t *testing.T) []map[string]any {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]map[string]any, len(w.bodies))
	for i, b := range w.bodies {
		if err := json.Unmarshal(b, &out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
