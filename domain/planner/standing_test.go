package planner_test

import (
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// scanned tells of a record as the first scan of both sides does.
func (d *desk) scanned(rec domain.Record, v values) {
	d.Helper()
	d.in(domain.RecordObserved, rec.Stream(), domain.Fact{Via: "scan", Complete: true, Clock: d.now + hour, Properties: v.raw()})
}

// unscanned is a desk whose two sides were not read yet, in a mode that was said before the first settings.
func unscanned(t *testing.T, mode domain.Mode) *desk {
	t.Helper()
	d := &desk{T: t, set: preset(t, "default"), now: 1_790_000_000_000_000}
	d.v = planner.NewView(planner.Control{}, planner.NewDigester(secret))
	if mode != "" {
		d.act(domain.ModeChanged, domain.Act{Mode: mode})
	}
	d.settings(nil)
	return d
}

// TestGoingLiveBeforeTheFirstScan: whoever the first scan finds was there before the sync went live, and is not sent;
// what changes from then on is. A sync that begins live sends them.
func TestGoingLiveBeforeTheFirstScan(t *testing.T) {
	ann := values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}
	for _, c := range []struct {
		name  string
		modes []domain.Mode
		sent  bool
	}{
		{"live at once", []domain.Mode{""}, true},
		{"live was said first", []domain.Mode{domain.ModeLive}, true},
		{"off, then live", []domain.Mode{domain.ModeOff, domain.ModeLive}, false},
		{"observe, then live", []domain.Mode{domain.ModeObserve, domain.ModeLive}, false},
		{"off, then pilot", []domain.Mode{domain.ModeOff, domain.ModePilot}, false},
		{"pilot, then live", []domain.Mode{domain.ModePilot, domain.ModeLive}, false},
		{"live, observe, live", []domain.Mode{domain.ModeLive, domain.ModeObserve, domain.ModeLive}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := unscanned(t, c.modes[0])
			for _, m := range c.modes[1:] {
				d.act(domain.ModeChanged, domain.Act{Mode: m})
			}
			d.scanned(hub, ann)
			d.act(domain.SyncPaused, domain.Act{})
			d.act(domain.BaselineCompleted, domain.Act{})
			d.act(domain.SyncResumed, domain.Act{})
			want := []string(nil)
			if c.sent {
				want = []string{"create aloware"}
			}
			if got := d.kinds(); !slices.Equal(got, want) {
				t.Fatalf("the scan leads to %v, want %v\n%s", got, want, text(d.last))
			}
			if c.sent {
				return
			}
			d.webhook(hub, values{"firstname": "Bob"})
			if got := d.kinds(); !slices.Equal(got, []string{"create aloware"}) {
				t.Fatalf("the next change leads to %v\n%s", got, text(d.last))
			}
		})
	}
}

// TestToldWhileOff: a record that was told of while the mode was off must be read when the sync goes live, and what that
// read tells is not sent, unless somebody changed it since.
func TestToldWhileOff(t *testing.T) {
	ann := values{"phone": "+18182124567", "email": "ann@example.com", "firstname": "Ann"}
	for name, changed := range map[string]bool{"as it was": false, "changed since": true} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeOff})
			d.in(domain.RecordCreated, hub.Stream(), domain.Fact{Via: "webhook", Clock: d.now})
			d.act(domain.ModeChanged, domain.Act{Mode: domain.ModeLive})
			if got := d.kinds(); !slices.Equal(got, []string{"read hubspot"}) {
				t.Fatalf("%v, want a read", got)
			}
			read, want := d.sent[0], []string(nil)
			if changed {
				want = []string{"create aloware"}
				d.webhook(hub, values{"firstname": "Ann"})
			}
			d.read(hub, ann, read)
			if got := d.kinds(); !slices.Equal(got, want) {
				t.Fatalf("the read leads to %v, want %v\n%s", got, want, text(d.last))
			}
			if changed {
				return
			}
			d.webhook(hub, values{"firstname": "Bob"})
			if got := d.kinds(); !slices.Equal(got, []string{"create aloware"}) {
				t.Fatalf("the next change leads to %v\n%s", got, text(d.last))
			}
		})
	}
}
