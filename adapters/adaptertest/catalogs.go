package adaptertest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

var everyCatalog = []domain.Catalog{
	domain.LeadStatuses, domain.LifecycleStages, domain.CallOutcomes, domain.CallTypes, domain.MeetingTypes,
	domain.Pipelines, domain.Owners, domain.Deals, domain.Users, domain.ContactDispositions, domain.CallDispositions,
}

// catalogs: what a system says it lists it lists, and of everything else it says that it cannot: an empty list would
// mean that all entries are gone.
func catalogs(t *testing.T, s *suite) {
	lister, ok := s.System.(adapters.Catalogs)
	if !ok {
		t.Fatalf("%T lists no catalogs", s.System)
	}
	can := s.System.Capabilities().Catalogs
	if len(can) == 0 {
		t.Error("no catalog can be listed")
	}
	for _, which := range everyCatalog {
		ids := map[string]bool{}
		err := lister.Catalog(context.Background(), which, func(p adapters.CatalogPage) error {
			for _, item := range p.Items {
				if item.ID == "" || ids[item.ID] || p.Clock == 0 {
					t.Errorf("%s: id %q comes twice, is empty, or has no clock", which, item.ID)
				}
				ids[item.ID] = true
			}
			return nil
		})
		s.checkText(t, err)
		if listed := !errors.Is(err, adapters.ErrUnsupported); listed != slices.Contains(can, which) || listed && err != nil {
			t.Errorf("%s: %v, though what it can list is %v", which, err, can)
		}
	}
	stop := errors.New("stop")
	if err := lister.Catalog(context.Background(), can[0], func(adapters.CatalogPage) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("fn's error is not returned: %v", err)
	}
}

// catalogFails: a list that fails half-way is a failure, not a shorter list.
func catalogFails(t *testing.T, s *suite) {
	intruder, ok := s.Intruder.(adapters.Catalogs)
	if !ok {
		t.Fatalf("%T lists no catalogs", s.Intruder)
	}
	err := intruder.Catalog(context.Background(), s.System.Capabilities().Catalogs[0], func(adapters.CatalogPage) error {
		t.Error("a page without credentials")
		return nil
	})
	s.checkText(t, err)
	if e := failure(t, err); e.Class != adapters.Unauthorized {
		t.Errorf("wrong credentials: class %d, want Unauthorized", e.Class)
	}
}
