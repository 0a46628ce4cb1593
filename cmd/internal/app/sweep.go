package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/outbound"
)

// Reconciled counts what a sweep of both sides found.
type Reconciled struct {
	Scanned  int64 `json:"scanned"`   // records listed by HubSpot
	LookedUp int64 `json:"looked_up"` // numbers asked of Aloware
	Found    int64 `json:"found"`     // of them, records there
	Facts    int64 `json:"facts"`     // appended: new, gone, or different from what was seen
	Failed   int64 `json:"failed"`    // look-ups that were not answered
}

func (r Reconciled) counts() map[string]int64 {
	return map[string]int64{
		"scanned": r.Scanned, "looked_up": r.LookedUp, "found": r.Found, "facts": r.Facts, "failed": r.Failed,
	}
}

// sweep reads both sides: every record HubSpot lists, and in Aloware, which has no list, the numbers of those and of
// the records known there. Only what differs from what was seen is appended.
type sweep struct {
	*engine
	settings settings.Settings
	sum      Reconciled
	listed   map[domain.Record]bool
	asked    map[string]bool
	// found are the records of Aloware that were, and sides what was known of each system before and was found of it.
	found    map[domain.Record]bool
	sides    map[string]int64
	drift    map[domain.System]int64
	progress func(Reconciled)
}

func (e *engine) sweep(ctx context.Context, progress func(Reconciled)) (Reconciled, error) {
	s := &sweep{
		engine: e, settings: e.control.Load().Settings, listed: map[domain.Record]bool{}, asked: map[string]bool{},
		found: map[domain.Record]bool{}, sides: map[string]int64{}, drift: map[domain.System]int64{},
		progress: progress,
	}
	began, at := time.Now(), e.now()
	err := e.systems[domain.HubSpot].Scan(ctx, s.settings.ReadProperties(domain.HubSpot), func(page []adapters.Snapshot) error {
		return s.page(ctx, page)
	})
	if err != nil {
		return s.sum, fmt.Errorf("scan HubSpot: %w", err)
	}
	if err := s.compare(ctx); err != nil {
		return s.sum, err
	}
	counts := s.sum.counts()
	maps.Copy(counts, s.sides)
	_, err = e.Act(ctx, domain.SweepCompleted, domain.Act{
		Counts: counts, Name: began.UTC().Format(time.RFC3339), Sweeps: s.done(at, began),
	}, duolog)
	return s.sum, err
}

// done says how far the sweep went: what changed since it began is for the next. The first one of all finds what was
// there before anybody told anything: that is no drift.
func (s *sweep) done(at, began time.Time) []domain.Sweep {
	if !s.control.Load().Baseline {
		clear(s.drift)
	}
	return []domain.Sweep{
		{
			System: domain.HubSpot, At: at.UnixMicro(), Through: began.Add(-searchLag).UnixMicro(), Looked: s.sum.Scanned,
			Drift: s.drift[domain.HubSpot],
		},
		{
			System: domain.Aloware, At: at.UnixMicro(), Looked: s.sum.LookedUp, Drift: s.drift[domain.Aloware],
			Failed: s.sum.Failed,
		},
	}
}

// compare holds what was known against what is there. Of a HubSpot that looks empty nobody is told to be gone: the guard
// is asked first, and a person.
func (s *sweep) compare(ctx context.Context) error {
	if s.settings.Guards.EmptiedSide == settings.EmptiedPause && !s.control.Load().Guard.Emptied[domain.HubSpot] {
		err := outbound.EachStanding(ctx, s.Store, s.Log, domain.HubSpot, func(p []outbound.Standing) error {
			for _, r := range p {
				s.count(r.Record, s.listed[r.Record])
			}
			return nil
		})
		if err != nil || s.looksEmpty(domain.HubSpot) {
			return err
		}
	}
	if err := outbound.EachStanding(ctx, s.Store, s.Log, domain.Aloware, func(p []outbound.Standing) error { return s.known(ctx, p) }); err != nil {
		return err
	}
	if s.sum.Failed > 0 { // who was not answered for is not missing
		delete(s.sides, "known_aloware")
	}
	return outbound.EachStanding(ctx, s.Store, s.Log, domain.HubSpot, func(p []outbound.Standing) error { return s.missing(ctx, p) })
}

// count counts a record that was known, and whether it was found.
func (s *sweep) count(r domain.Record, found bool) {
	s.sides["known_"+string(r.System)]++
	if found {
		s.sides["found_"+string(r.System)]++
	}
}

func (s *sweep) looksEmpty(sys domain.System) bool {
	return planner.LooksEmpty(s.sides["known_"+string(sys)], s.sides["found_"+string(sys)])
}

// page takes a page of HubSpot's list, and what Aloware knows under its numbers.
func (s *sweep) page(ctx context.Context, page []adapters.Snapshot) error {
	s.sum.Scanned += int64(len(page))
	var phones []string
	for _, p := range page {
		s.listed[p.Record] = true
		for _, k := range identity.Keys(s.settings, p.Record, p.Properties) {
			if k.Kind == identity.KindPhone {
				phones = append(phones, k.Value)
			}
		}
	}
	found, err := s.lookUp(ctx, phones)
	if err != nil {
		return err
	}
	return s.append(ctx, append(found, page...))
}

// known asks Aloware for the records we know there under a number HubSpot does not list.
func (s *sweep) known(ctx context.Context, page []outbound.Standing) error {
	var phones []string
	for _, r := range page {
		if r.Phone != "" {
			phones = append(phones, r.Phone)
		}
	}
	found, err := s.lookUp(ctx, phones)
	if err != nil {
		return err
	}
	for _, r := range page {
		if r.Phone != "" {
			s.count(r.Record, s.found[r.Record])
		}
	}
	return s.append(ctx, found)
}

// missing reads the HubSpot records that were not in its list: deleted, merged, or made meanwhile.
func (s *sweep) missing(ctx context.Context, page []outbound.Standing) error {
	var reqs []adapters.ReadRequest
	var ids []domain.Record
	for _, r := range page {
		if !s.listed[r.Record] {
			reqs = append(reqs, adapters.ReadRequest{By: "id", Value: r.Record.ID, Properties: s.settings.ReadProperties(domain.HubSpot)})
			ids = append(ids, r.Record)
		}
	}
	began := time.Now()
	for i, a := range s.systems[domain.HubSpot].Read(ctx, reqs) {
		switch {
		case a.Err != nil:
			s.sum.Failed++
		case len(a.Records) == 0 || a.Records[0].Deleted:
			if err := s.gone(ctx, ids[i], began); err != nil {
				return err
			}
		default:
			got := a.Records[0]
			if got.Record != ids[i] {
				got.Aliases = append(got.Aliases, ids[i])
			}
			if err := s.append(ctx, []adapters.Snapshot{got}); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// lookUp asks Aloware for numbers it was not asked for in this sweep, and again, a few times, for those it did not
// answer.
func (s *sweep) lookUp(ctx context.Context, phones []string) ([]adapters.Snapshot, error) {
	var reqs []adapters.ReadRequest
	for _, p := range phones {
		if !s.asked[p] {
			s.asked[p] = true
			reqs = append(reqs, adapters.ReadRequest{By: "phone", Value: p, Properties: s.settings.ReadProperties(domain.Aloware)})
		}
	}
	s.sum.LookedUp += int64(len(reqs))
	var out []adapters.Snapshot
	for try := 0; len(reqs) > 0 && ctx.Err() == nil; try++ {
		var again []adapters.ReadRequest
		for i, a := range s.systems[domain.Aloware].Read(ctx, reqs) {
			if a.Err != nil {
				again = append(again, reqs[i])
			}
			out = append(out, a.Records...)
		}
		if reqs = again; len(reqs) == 0 {
			break
		}
		if try == 5 {
			s.sum.Failed += int64(len(reqs))
			s.Logger.Warn("numbers Aloware did not answer for", slog.Int("count", len(reqs)))
			break
		}
		sleep(ctx, firstPause<<try)
	}
	for _, r := range out {
		s.found[r.Record] = true
	}
	s.sum.Found += int64(len(out))
	return out, ctx.Err()
}
