package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/outbound"
)

const endToEndHelp = `With --end-to-end the whole engine runs between two pretend CRMs, over real HTTP, while people on both sides
change a field --rate times a second, for --duration. Timed is from a webhook's arrival to the moment the other
system has carried the write out: in Aloware that is the second of the three calls of a guarded write. The
baseline is the rate asked for. There are people enough for each to be changed once; with fewer --contacts they
are changed again, and an Aloware record changed twice in ten minutes is read before its change is believed.`

// endToEndOptions say what goes through the engine.
type endToEndOptions struct {
	rate     float64
	duration time.Duration
	contacts int // 0: enough for each to be changed once
}

func (o endToEndOptions) withDefaults() endToEndOptions {
	if o.contacts == 0 {
		o.contacts = int(1.3*o.rate*o.duration.Seconds()) + 40
	}
	return o
}

// endToEnd is the engine between two pretend CRMs.
type endToEnd struct {
	*app.App
	endToEndOptions
	watch  *stopwatch
	boxes  *sandboxes
	people map[domain.System][]string // linked records, to be changed there; no contact is in both
	sides  map[domain.System]sandboxkit.Side
}

func (c *cli) benchEndToEnd(ctx context.Context, a *app.App, o endToEndOptions) (benchResult, error) {
	if o = o.withDefaults(); o.rate <= 0 || o.duration <= 0 || o.contacts < 20 {
		return benchResult{}, usage("want a rate and a duration above 0, and 20 contacts or more")
	}
	b := &endToEnd{App: a, endToEndOptions: o, watch: newStopwatch()}
	var result benchResult
	err := b.serving(ctx, func(ctx context.Context) error {
		c.note("matching %d people on both sides\n", o.contacts)
		if err := b.prepare(ctx); err != nil {
			return err
		}
		c.note("%g changes a second for %s, to %d people in Aloware and %d in HubSpot\n",
			o.rate, o.duration, len(b.people[domain.Aloware]), len(b.people[domain.HubSpot]))
		took, err := b.run(ctx)
		if err != nil {
			return err
		}
		result, err = b.result(took)
		return err
	})
	return result, err
}

// serving runs the service, and ends it when work is done.
func (b *endToEnd) serving(ctx context.Context, work func(context.Context) error) (err error) {
	var lc net.ListenConfig
	service, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	inlet, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, service.Close())
	}
	to := &url.URL{Scheme: "http", Host: service.Addr().String()}
	front := server(b.watch.inlet(to))
	go func() { _ = front.Serve(inlet) }()
	defer func() { err = errors.Join(err, front.Close()) }()
	if err := b.connect(ctx, "http://"+inlet.Addr().String()); err != nil {
		return errors.Join(err, service.Close())
	}
	defer b.boxes.close()
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() {
		err := b.Serve(ctx, service)
		if err == nil && ctx.Err() == nil {
			err = errors.New("the service stopped")
		}
		cancel(err)
		ended <- err
	}()
	err = work(ctx)
	if err != nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	b.boxes.mute()
	cancel(nil)
	if stopped := <-ended; err == nil && !errors.Is(stopped, context.Canceled) {
		err = stopped
	}
	return err
}

// connect makes the pretend CRMs, and the settings and credentials to serve them.
func (b *endToEnd) connect(ctx context.Context, public string) error {
	const secret = "bench"
	o := sandboxOptions{
		hubspotAddr: "127.0.0.1:0", alowareAddr: "127.0.0.1:0", contacts: b.contacts, webhooksTo: public,
		secret: secret, token: secret, watch: b.watch.outlet,
	}
	o.faults.Seed, o.faults.RateLimit = 1, -1
	var err error
	if b.boxes, err = newSandboxes(ctx, o, b.Connection); err != nil {
		return err
	}
	b.sides = map[domain.System]sandboxkit.Side{domain.Aloware: b.boxes.aloware, domain.HubSpot: b.boxes.hubspot}
	b.PublicURL, b.APIToken = public, secret
	b.HubSpot = app.HubSpot{
		BaseURL: "http://" + b.boxes.hubspotL.Addr().String(), AccessToken: secret, ClientSecret: secret,
	}
	b.Aloware = app.Aloware{
		BaseURL: "http://" + b.boxes.alowareL.Addr().String(), APIToken: secret, WebhookToken: secret,
	}
	s, err := settings.Preset(settings.PresetRecommended)
	if err != nil {
		return err
	}
	s.Limits = settings.Limits{HubSpotShare: 100, AlowarePerSecond: 1000}
	s.Guards.MaxChangedShare, s.Guards.MaxDeletedShare = 0, 0 // much changes here on purpose
	if _, err = b.ApplySettings(ctx, s, 0, httpapi.By{Actor: "duolog", Reason: "bench"}); err != nil {
		return err
	}
	// The service takes its limits from settings that are planned when it starts.
	return plan(ctx, outbound.New(outbound.Config{DB: b.Store, Log: b.Log, Logger: b.Logger}))
}

// prepare waits for the first match of both sides and parts the people who are in step, so that no two changes meet.
func (b *endToEnd) prepare(ctx context.Context) error {
	for {
		control, _, err := b.Control(ctx)
		if err != nil {
			return err
		}
		if control.Baseline {
			break
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	if err := b.WaitIdle(ctx); err != nil {
		return err
	}
	b.people = map[domain.System][]string{}
	for filter := (contacts.Filter{Status: contacts.InStep}); ; {
		page, err := b.Contacts.List(ctx, filter)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			b.take(c)
		}
		filter.After = page[len(page)-1].ID
	}
	return b.warm(ctx)
}

// take gives a contact to the side that has fewer.
func (b *endToEnd) take(c contacts.Contact) {
	if len(c.Records) != len(domain.Systems) {
		return
	}
	r := c.Records[0] // Aloware's
	if len(b.people[domain.Aloware]) > len(b.people[domain.HubSpot]) {
		r = c.Records[1]
	}
	b.people[r.System] = append(b.people[r.System], r.ID)
}

// warm changes a tenth of the people once, untimed, and leaves them alone from then on.
func (b *endToEnd) warm(ctx context.Context) error {
	for from, ids := range b.people {
		n := len(ids)/10 + 1
		for _, id := range ids[:n] {
			if err := b.change(from, id); err != nil {
				return err
			}
		}
		b.people[from] = ids[n:]
		if len(ids) <= n {
			return fmt.Errorf("%d of %d people are in step: too few to measure", len(ids), b.contacts)
		}
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	b.watch.clear()
	return b.WaitIdle(ctx)
}

// change edits a record's city to a value nobody else has.
func (b *endToEnd) change(from domain.System, id string) error {
	err := b.sides[from].EditFields(id, sandboxkit.Fields{"city": b.watch.expect(from, id)})
	if err != nil {
		return fmt.Errorf("change %s %s: %w", from, id, err)
	}
	return nil
}

// settleFor bounds how long changes may take to arrive.
const settleFor = 10 * time.Second

// settle waits until every change has arrived, or for so long.
func (b *endToEnd) settle(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	b.watch.wait(short)
	return ctx.Err()
}

// run makes the changes, in turns on both sides, and returns how long all took to arrive.
func (b *endToEnd) run(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	tick := time.NewTicker(time.Duration(float64(time.Second) / b.rate))
	defer tick.Stop()
	for i := 0; time.Since(began) < b.duration; i++ {
		from := domain.Systems[i%len(domain.Systems)]
		ids := b.people[from]
		if err := b.change(from, ids[i/len(domain.Systems)%len(ids)]); err != nil {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
	}
	err := b.settle(ctx)
	return time.Since(began), err
}

func (b *endToEnd) result(took time.Duration) (benchResult, error) {
	r := benchResult{Bench: "ingest end to end", Backend: b.Store.Backend(), BaselineEventsPerSecond: b.rate}
	for _, from := range domain.Systems {
		all, lost := b.watch.times(from)
		if lost > 0 {
			return r, fmt.Errorf("%d of %d changes made in %s did not arrive within %s",
				lost, lost+len(all), from.Title(), settleFor)
		}
		r.Events += int64(len(all))
		r.Latency = append(r.Latency, newLatency(from, all))
	}
	r.EventsPerSecond = float64(r.Events) / took.Seconds()
	r.Ratio = r.EventsPerSecond / r.BaselineEventsPerSecond
	return r, nil
}

func plan(ctx context.Context, p *outbound.Process) error {
	for {
		n, err := p.Step(ctx)
		if err != nil || n == 0 {
			return err
		}
	}
}
