package catalogs

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// seenSuffix marks the rows of what webhooks showed, beside those of what a person declared.
const seenSuffix = "/seen"

// erasedMark stands for a body whose key is gone.
var erasedMark = []byte{0}

// fold holds the rows a run of events touches, and folds the events into them.
type fold struct {
	vault   eventstore.Vault
	entries map[key]*row
	deals   map[key]*row
	pulls   map[string]*pull
	// forgotten are records that were erased: what was told of their deals is gone from the log, too.
	forgotten []string
}

func newFold(v eventstore.Vault) *fold {
	return &fold{vault: v, entries: map[key]*row{}, deals: map[key]*row{}, pulls: map[string]*pull{}}
}

// wanted are the rows to load.
type wanted struct {
	entries map[string]map[string]bool // ids by catalog
	records map[string]bool
	pulls   map[string]bool
}

func want(told []input) wanted {
	w := wanted{map[string]map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, in := range told {
		switch {
		case in.Type == domain.SubjectErased:
		case in.act != nil:
			name, _ := Pull(in.act.Name)
			w.pulls[name] = true
		case in.fact != nil && in.fact.Catalog == domain.Deals:
			w.records[in.Stream] = true
		default:
			k := in.key()
			if w.entries[k.in] == nil {
				w.entries[k.in] = map[string]bool{}
			}
			w.entries[k.in][k.id] = true
		}
	}
	return w
}

// key names the row an entry's input is about.
func (in input) key() key {
	if in.seen != nil {
		return key{Source{domain.Aloware, in.seen.catalog}.String() + seenSuffix, in.seen.choice.ID}
	}
	return key{Source{in.fact.System, in.fact.Catalog}.String(), in.fact.ID}
}

func (f *fold) apply(ctx context.Context, in input) error {
	switch {
	case in.Type == domain.SubjectErased:
		f.applyErasure(in)
		return nil
	case in.act != nil:
		return f.applyPull(in)
	case in.seen != nil:
		return f.applySeen(ctx, in)
	case in.fact.Catalog == domain.Deals:
		return f.applyFact(ctx, in, f.deals, key{in.Stream, in.fact.ID}, purposeDeal)
	}
	return f.applyFact(ctx, in, f.entries, in.key(), purposeEntry)
}

// applyFact takes an entry as it is from here on. One that is gone keeps what is known of it.
func (f *fold) applyFact(ctx context.Context, in input, into map[key]*row, k key, purpose string) error {
	r, fact := into[k], in.fact
	if fact.Gone {
		if r != nil && r.gone == 0 {
			r.gone, r.position, r.dirty = fact.Clock, in.Position, true
		}
		return nil
	}
	if r == nil {
		r = &row{key: k, first: fact.Clock}
		into[k] = r
	}
	r.hubspot, r.subject, r.match = fact.Entry.HubSpot, in.Subject, f.matchKey(fact.Entry)
	r.changed, r.gone, r.position, r.dirty = fact.Clock, 0, in.Position, true
	return f.seal(ctx, r, purpose, fact.Entry)
}

// applySeen notes an entry that a webhook showed, under its latest label.
func (f *fold) applySeen(ctx context.Context, in input) error {
	k, entry := in.key(), domain.CatalogEntry{Label: in.seen.choice.Label}
	r, match := f.entries[k], f.matchKey(entry)
	if r != nil && (entry.Label == "" || bytes.Equal(r.match, match)) {
		return nil
	}
	if r == nil {
		r = &row{key: k, first: in.seen.clock}
		f.entries[k] = r
	}
	r.subject, r.match, r.changed, r.position, r.dirty = eventstore.SubjectLog, match, in.seen.clock, in.Position, true
	return f.seal(ctx, r, purposeEntry, entry)
}

// matchKey is by what an entry is found from the other side: its email, or else its label.
func (f *fold) matchKey(e domain.CatalogEntry) []byte {
	if e.Email != "" {
		return matchKey(f.vault, e.Email)
	}
	return matchKey(f.vault, e.Label)
}

func matchKey(v eventstore.Vault, text string) []byte {
	if text = normal(text); text == "" {
		return []byte{}
	}
	return v.Blind("catalog match", text)
}

// normal is a label or an email as it is compared.
func normal(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

func (f *fold) seal(ctx context.Context, r *row, purpose string, entry domain.CatalogEntry) error {
	plain, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("encode a catalog entry: %w", err)
	}
	r.body, err = f.vault.Seal(ctx, r.subject, purpose, plain)
	if errors.Is(err, eventstore.ErrErased) {
		r.body, r.match = erasedMark, []byte{}
		return nil
	}
	return err
}

// applyErasure removes the deals of erased records.
func (f *fold) applyErasure(in input) {
	for _, rec := range in.act.Records {
		f.forgotten = append(f.forgotten, rec.Stream())
		maps.DeleteFunc(f.deals, func(k key, _ *row) bool { return k.in == rec.Stream() })
	}
}

// applyPull notes a run that started or ended.
func (f *fold) applyPull(in input) error {
	name, _ := Pull(in.act.Name)
	p := f.pulls[name]
	if p == nil {
		p = &pull{name: name, body: "{}"}
		f.pulls[name] = p
	}
	p.dirty = true
	if in.Type == domain.OperationStarted {
		p.operation, p.actor, p.started = in.ID.String(), in.Actor, in.RecordedAt
		return nil
	}
	counts, err := json.Marshal(in.act.Counts)
	if err != nil {
		return fmt.Errorf("encode counts of a pull: %w", err)
	}
	p.ended, p.failure, p.body = in.RecordedAt, in.act.Reason, string(counts)
	if p.failure == "" {
		p.done = p.ended
	}
	return nil
}

func sortedKeys(m map[key]*row) []key {
	return slices.SortedFunc(maps.Keys(m), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.in, b.in), cmp.Compare(a.id, b.id))
	})
}
