package planner_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

var update = flag.Bool("update", false, "write the golden files; raise planner.Version with them")

// scenario takes a desk through most of what a planner decides.
func scenario(d *desk) {
	d.linked()
	d.webhook(hub, values{"firstname": "Bob", "email": "nonsense", "city": "Oakland"})
	d.settled(d.sent[0], values{"first_name": "BOB", "cnam_city": "Oakland"}, nil)
	d.webhook(alo, values{"first_name": "Cyd"})
	d.settled(d.sent[0], nil, func(o *domain.Outcome) {
		o.Result, o.Reason, o.Refused = domain.ResultRejected, domain.ReasonInvalid, map[string]string{"firstname": "too short"}
	})
	d.read(hubID("11"), values{"phone": "+18182124511", "email": "bea@example.com"}, planner.Outgoing{})
	d.settled(d.sent[0], values{"phone_number": "+18182124511", "email": "bea@example.com"},
		func(o *domain.Outcome) { o.Record, o.Created, o.Complete = aloID("12"), true, true })
	d.act(domain.SyncPaused, domain.Act{})
	d.webhook(hub, values{"lastname": "Lee"})
	d.webhook(alo, values{"last_name": "Doe"})
	d.webhook(hubID("11"), values{"firstname": "Bea"})
	d.act(domain.SyncResumed, domain.Act{})
	d.act(domain.GateChanged, domain.Act{Field: "company_name", Reason: "no such property"})
	d.webhook(hub, values{"company": "Acme"})
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeObserve})
	d.webhook(hub, values{"firstname": "Dee"})
	d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
	d.in(domain.RecordMerged, hubID("21").Stream(), domain.Fact{
		Via: "webhook", Clock: d.now, Merged: []domain.Record{hub, hubID("11")}, Primary: hub,
	})
	d.read(hubID("21"), values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Dee"}, d.sent[0])
	d.webhook(aloID("12"), values{"first_name": "Zed"})
	d.read(aloID("31"), values{"phone_number": "+18182124531", "email": "ann@example.com"}, planner.Outgoing{})
}

// TestGolden: the decisions of a fixed history are those of the golden file, byte for byte. A change here is a new
// planner version: logs hold decisions of this one.
func TestGolden(t *testing.T) {
	d := newDesk(t, nil)
	scenario(d)
	got, err := json.MarshalIndent(d.all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "golden", "decisions.json")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./domain/planner -run Golden -update makes it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("decisions differ from %s; if they are meant to, raise planner.Version and run with -update", path)
	}
}

// TestDeterminism: the same inputs give the same decisions to the byte, in whatever order state was loaded.
func TestDeterminism(t *testing.T) {
	first := newDesk(t, nil)
	scenario(first)
	want := text(first.all)
	for seed := range uint64(20) {
		d := newDesk(t, nil)
		d.rnd = rand.New(rand.NewPCG(seed, 1))
		scenario(d)
		if got := text(d.all); got != want {
			t.Fatalf("seed %d decides\n%s\nnot\n%s", seed, got, want)
		}
	}
}

// shuffled loads the view's state anew, in another order.
func shuffled(t *testing.T, v *planner.View, rnd *rand.Rand) *planner.View {
	t.Helper()
	records, contacts, _ := v.Changed()
	rnd.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	rnd.Shuffle(len(contacts), func(i, j int) { contacts[i], contacts[j] = contacts[j], contacts[i] })
	next := planner.NewView(v.Control, v.Digester)
	for _, r := range records {
		next.AddRecord(r)
	}
	for _, c := range contacts {
		next.AddContact(c)
	}
	return next
}
