package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
)

// judge lets everything come to rest and checks what must hold.
func (c *campaign) judge(ctx context.Context) error {
	if err := c.settle(ctx); err != nil {
		return err
	}
	if c.AlowareRetries < enough {
		c.say("reconciling")
		out, err := c.duolog(ctx, "reconcile", "--reason", "crash campaign")
		if err != nil {
			return err
		}
		c.result.Reconcile = json.RawMessage(out)
		if err := c.settle(ctx); err != nil {
			return err
		}
	}
	c.say("at rest, checking")
	l, err := c.readLog(ctx)
	if err != nil {
		return err
	}
	c.result.Events = l.Events
	if err := os.WriteFile(filepath.Join(c.dir, "events.ndjson"), l.raw, 0o600); err != nil {
		return err
	}
	if err := errors.Join(c.verify(ctx), c.integrity(ctx), c.commandsLeft(ctx)); err != nil {
		return err
	}
	c.facts(l)
	s, err := c.status(ctx)
	if err != nil {
		return err
	}
	c.result.Status = s.Contacts
	return c.compareSystems(ctx, l)
}

// facts checks that everything acknowledged is in the log, and that what HubSpot tells by one event id is there once.
func (c *campaign) facts(l log) {
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	c.result.Answers = c.front.statuses
	for f, n := range c.front.acked.facts {
		c.result.Facts += n
		if have := l.told[f]; have < n {
			c.result.LostFacts += n - have
			c.violate("%d of %d acknowledged %s of %s are not in the log", n-have, n, f.vendor, f.stream)
		}
	}
	for f, have := range l.told {
		// Once is well even without an answer: serve may have been killed between storing and answering.
		if told := max(1, c.front.acked.facts[f]); strings.HasPrefix(f.stream, string(domain.HubSpot)) && have > told {
			c.violate("%s of %s is %d times in the log, told %d times", f.vendor, f.stream, have, told)
		}
	}
}

// compareSystems checks what both sandboxes hold against each other, and against what was never delivered.
func (c *campaign) compareSystems(ctx context.Context, l log) error {
	held, lost, said := map[domain.System][]person{}, map[domain.System][]string{}, map[domain.System]words{}
	for system, b := range c.boxes {
		all, err := b.people(ctx)
		if err != nil {
			return err
		}
		s, err := b.stats(ctx)
		if err != nil {
			return err
		}
		held[system], lost[system], said[system] = all, s.Webhooks.NeverDelivered, b.said
		c.result.Systems = append(c.result.Systems, systemResult{
			System: system, Contacts: len(all), Writes: s.Writes, Events: s.Webhooks.Events,
			Duplicated: s.Webhooks.Duplicates, Delivered: s.Webhooks.Delivered, Failed: s.Webhooks.Failed,
			NeverDelivered: len(s.Webhooks.NeverDelivered),
		})
		if err := c.keep(string(system)+".json", all); err != nil {
			return err
		}
	}
	slices.SortFunc(c.result.Systems, func(a, b systemResult) int { return cmp.Compare(a.System, b.System) })
	if n := len(lost[domain.HubSpot]); n > 0 && c.AlowareRetries >= enough {
		c.violate("%d webhooks of HubSpot were never delivered", n)
	}
	if n := len(lost[domain.Aloware]); n > 0 && c.AlowareRetries >= enough {
		c.violate("%d webhooks of Aloware were never delivered", n)
	}
	p, err := newPairs(held)
	if err != nil {
		return err
	}
	c.duplicates(p)
	c.agreement(p)
	c.freshness(p, said, l)
	c.missing(p, lost[domain.Aloware], l)
	return nil
}

// keep writes something into the folder, to look at when the run is kept.
func (c *campaign) keep(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, name), b, 0o600)
}

// missing checks that nobody stands alone but those Aloware told of and nobody heard: the log knows nothing of them,
// and the sandbox lists their creation as never delivered.
func (c *campaign) missing(p pairs, never []string, l log) {
	for _, one := range p.alone[domain.HubSpot] {
		c.violate("hubspot:%s has nobody in Aloware", one)
	}
	unheard := map[string]bool{}
	for _, label := range never {
		event, id, _ := strings.Cut(label, " ")
		if event == "Contact-Created" && !l.records[domain.Record{System: domain.Aloware, ID: id}.Stream()] {
			unheard[id] = true
		}
	}
	for _, one := range p.alone[domain.Aloware] {
		c.result.Missing++
		if !unheard[one] {
			c.violate("aloware:%s has nobody in HubSpot, and was not lost on its way", one)
		}
		delete(unheard, one)
	}
	for id := range unheard {
		c.violate("aloware:%s was never told, yet stands in HubSpot", id)
	}
	c.result.Pairs = len(p.both)
}
