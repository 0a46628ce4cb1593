package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections/contacts"
)

// settleTime bounds how long a demo waits for everything to come to rest.
const settleTime = 2 * time.Minute

// demo is a demo under way.
type demo struct {
	*cli
	*app.App
	demoOptions
	boxes *sandboxes
	dir   string
	jane  string       // her HubSpot id
	ended <-chan error // nil once received
}

// say tells the story; with --json it is told on stderr, so that stdout holds one object.
func (d *demo) say(format string, args ...any) {
	if d.json {
		d.note(format, args...)
		return
	}
	d.printf(format, args...)
}

func (d *demo) run(ctx context.Context) error {
	d.intro()
	if err := d.whileServing(ctx, d.matched); err != nil {
		return d.interrupted(ctx, err)
	}
	if err := d.five(); err != nil {
		return err
	}
	if _, err := d.StartPull(ctx, "deals", by(d.App, "demo: Jane has a deal")); err != nil {
		return d.interrupted(ctx, err)
	}
	if err := d.whileServing(ctx, d.WaitIdle); err != nil {
		return d.interrupted(ctx, err)
	}
	if err := d.later(); err != nil {
		return err
	}
	d.say("  %s  traffic    pretend reps are now editing on both sides, about %g changes a second\n\n", clock(), d.rate)
	d.hints()
	if err := d.whileServing(ctx, d.traffic); err != nil {
		return d.interrupted(ctx, err)
	}
	return d.finish(context.WithoutCancel(ctx))
}

// interrupted ends a demo early: Ctrl-C before the first match is no failure.
func (d *demo) interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return d.finish(context.WithoutCancel(ctx))
	}
	return err
}

// whileServing runs a step, and ends it when the service stops by itself.
func (d *demo) whileServing(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- step(ctx) }()
	select {
	case err := <-done:
		return err
	case err := <-d.ended:
		d.ended = nil
		if err == nil {
			err = errors.New("the service stopped")
		}
		cancel(err)
		<-done //nolint:errcheck // it ends of what it was just told
		return err
	}
}

func (d *demo) intro() {
	d.say("%s  Two pretend CRMs and a sync between them.  Data in %s.\n\n", d.paint(bold, "Duolog demo."), d.dir)
	row := func(name, addr, rest string) { d.say("  %-17s  http://%-20s  %s\n", name, addr, rest) }
	row("Aloware stand-in", d.boxes.alowareL.Addr().String(), plural(int64(len(d.boxes.aloware.IDs())), "contact"))
	row("HubSpot stand-in", d.boxes.hubspotL.Addr().String(), plural(int64(len(d.boxes.hubspot.IDs())), "contact"))
	row("Duolog", d.Addr, "token: demo      settings: recommended")
	d.say("\n")
}

// called is how this program is called from the folder it was started in. One that go run made is gone when it ends.
func called() string {
	if name := os.Args[0]; name == "./duolog" || name == "duolog" {
		return name
	}
	return "./duolog"
}

func clock() string { return time.Now().Format("15:04:05") }

// matched waits for the first pull of both sides and says what came of it.
func (d *demo) matched(ctx context.Context) error {
	d.say("  %s  reading    everybody on both sides; this takes some seconds\n", clock())
	for {
		control, _, err := d.Control(ctx)
		if err != nil {
			return err
		}
		if control.Baseline {
			break
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	if err := d.WaitIdle(ctx); err != nil {
		return err
	}
	t, err := d.Tally(ctx)
	if err != nil {
		return err
	}
	counts, err := d.Contacts.Counts(ctx)
	if err != nil {
		return err
	}
	created := int64(d.boxes.aloware.Stats().Created)
	d.say("  %s  matched    %s that both sides knew already\n", clock(), plural(t.Contacts-created, "contact"))
	d.say("  %s  created    %s in Aloware from HubSpot; none in HubSpot, creation is to_aloware\n", clock(), number(created))
	d.say("  %s  in step    %s of %s; %s differed before and stay so: initial = fill_blanks\n",
		clock(), number(counts[contacts.InStep]), number(t.Contacts), plural(t.Apart, "field"))
	return nil
}

// traffic has the pretend reps at work until the duration is over or the demo is stopped.
func (d *demo) traffic(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if d.duration > 0 {
		ctx, cancel = context.WithTimeout(ctx, d.duration)
		defer cancel()
	}
	go d.ticker(ctx)
	sandboxkit.Traffic{
		Aloware: d.boxes.aloware, HubSpot: d.boxes.hubspot, Seed: d.seed, Rate: d.rate, CreateShare: 0.05,
		FirstPerson: d.contacts,
	}.Run(ctx)
	return nil
}

// ticker shows how it goes: one line that is rewritten on a terminal, a line every ten seconds elsewhere.
func (d *demo) ticker(ctx context.Context) {
	every, end := 10*time.Second, "\n"
	if isTerminal(d.out) && !d.json {
		every, end = time.Second, ""
	}
	for pause(ctx, every) == nil {
		s, err := d.Status(ctx)
		if err != nil {
			continue
		}
		waiting := int64(0)
		for _, side := range s.Systems {
			waiting += side.Waiting
		}
		line := fmt.Sprintf("  %s  events %s  in step %s  apart %s  held %s  to send %s  lag %d",
			clock(), number(s.Head), number(s.Contacts[contacts.InStep]), number(s.Contacts[contacts.Apart]),
			number(s.Contacts[contacts.Held]), number(waiting), s.Lag["outbound"])
		if end == "" {
			line = "\r" + line + strings.Repeat(" ", max(0, lineWidth-len(line)))
		}
		d.say("%s%s", line, end)
	}
}

// demoResult is what demo --json prints.
type demoResult struct {
	app.Tally
	Differences int `json:"differences"` // what no decision explains
}

// finish lets everything come to rest, compares both sides and sums up.
func (d *demo) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	d.say("\n  %s  stopping   waiting for what is on its way\n", clock())
	for range 2 {
		if err := errors.Join(d.boxes.hubspot.Quiesce(ctx), d.boxes.aloware.Quiesce(ctx), d.WaitIdle(ctx)); err != nil {
			return fmt.Errorf("the demo did not come to rest: %w", err)
		}
	}
	t, err := d.Tally(ctx)
	if err != nil {
		return err
	}
	found, err := d.Differences(ctx, d.boxes.held())
	if err != nil {
		return err
	}
	r := demoResult{Tally: t, Differences: len(found) + int(t.Unexplained)}
	if d.json {
		err = d.printJSON(r)
	} else {
		d.sum(r)
	}
	for i, f := range found {
		if i == 10 {
			d.note("… %d more\n", len(found)-i)
			break
		}
		d.note("unexplained: %s %s %s %s\n", f.Contact, f.Record, f.Field, f.What)
	}
	if err == nil && r.Differences > 0 {
		return errPerson
	}
	return err
}

func (d *demo) sum(r demoResult) {
	d.say("\n  contacts %s  facts %s  decisions %s  writes sent %s  echoes stopped %s\n",
		number(r.Contacts), number(r.Facts), number(r.Decisions), number(r.CommandsSent), number(r.Echoes))
	verdict := d.paint(green, "every difference between the two is explained by a decision")
	if r.Differences > 0 {
		verdict = d.paint(red, plural(int64(r.Differences), "difference")+" without an explanation")
	}
	d.say("  held for a person %s  fields left apart %s\n  %s\n", number(r.Held), number(r.Apart), verdict)
	d.say("\n  The log stays in %s: DUOLOG_DATA=%s %s verify\n", d.dir, d.dir, called())
}

// pause waits, or returns why not.
func pause(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
