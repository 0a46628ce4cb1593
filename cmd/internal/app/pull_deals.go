package app

import (
	"context"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/catalogs"
)

// pair is a deal with a record it is about, by its stream.
type pair struct{ record, deal string }

// dealPage is how many known deals are looked through at once for those that are listed no longer.
const dealPage = 500

// deals pulls the deals page by page: each becomes a fact about every contact it is about.
func (p *pulling) deals(ctx context.Context, system adapters.Catalogs) error {
	listed, clock := map[string]bool{}, int64(0)
	if err := system.Catalog(ctx, domain.Deals, func(page adapters.CatalogPage) error {
		if clock == 0 {
			clock = page.Clock
		}
		for _, item := range page.Items {
			listed[item.ID] = true
		}
		return p.dealsListed(ctx, page)
	}); err != nil {
		return err
	}
	p.counts[countListed] += int64(len(listed))
	return p.dealsGone(ctx, listed, clock)
}

func (p *pulling) differDeals(clock int64) *differ {
	return &differ{
		pulling: p, fact: domain.CatalogFact{System: domain.HubSpot, Catalog: domain.Deals, Via: domain.ViaPull, Clock: clock},
		stream: func(record string) (stream, subject string) { return record, record },
	}
}

// dealsListed compares a page with what is known of its deals. A deal that moved to another contact is gone from the
// first.
func (p *pulling) dealsListed(ctx context.Context, page adapters.CatalogPage) error {
	ids := make([]string, len(page.Items))
	for i, item := range page.Items {
		ids[i] = item.ID
	}
	known, err := p.knownDeals(ctx, ids)
	if err != nil {
		return err
	}
	d := p.differDeals(page.Clock)
	for _, item := range page.Items {
		for _, record := range about(item) {
			k := pair{record, item.ID}
			old, had := known[k]
			d.compare(item.ID, record, item.Entry, old, had)
			delete(known, k)
		}
	}
	for k, e := range known {
		if e.GoneAt == nil {
			d.gone(k.deal, k.record)
		}
	}
	if d.err != nil {
		return d.err
	}
	return p.store(ctx, d.events)
}

// about lists the streams a deal is told on: those of its contacts, or its own.
func about(item adapters.CatalogItem) []string {
	var streams []string
	seen := map[string]bool{}
	for _, r := range item.Contacts {
		if s := r.Stream(); !seen[s] {
			seen[s] = true
			streams = append(streams, s)
		}
	}
	if len(streams) == 0 {
		return []string{domain.DealStream(item.ID)}
	}
	return streams
}

func (p *pulling) knownDeals(ctx context.Context, ids []string) (map[pair]catalogs.Entry, error) {
	found, err := p.Catalogs.DealsByID(ctx, ids...)
	known := make(map[pair]catalogs.Entry, len(found))
	for _, f := range found {
		known[pair{f.Record, f.ID}] = f.Entry
	}
	return known, err
}

// dealsGone tells the deals that are known and were not listed. All of them at once are not believed.
func (p *pulling) dealsGone(ctx context.Context, listed map[string]bool, clock int64) error {
	for after := ""; ; {
		ids, err := p.Catalogs.DealIDs(ctx, after, dealPage)
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		var missing []string
		for _, id := range ids {
			if !listed[id] {
				missing = append(missing, id)
			}
		}
		facts, err := p.goneFacts(ctx, missing, clock)
		switch {
		case err != nil:
			return err
		case len(facts) > 0 && len(listed) == 0 && !p.trusted:
			return errEmptied
		}
		if err := p.store(ctx, facts); err != nil {
			return err
		}
	}
}

func (p *pulling) goneFacts(ctx context.Context, ids []string, clock int64) ([]eventstore.NewEvent, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := p.Catalogs.DealsByID(ctx, ids...)
	if err != nil {
		return nil, err
	}
	d := p.differDeals(clock)
	for _, f := range found {
		if f.GoneAt == nil {
			d.gone(f.ID, f.Record)
		}
	}
	return d.events, d.err
}
