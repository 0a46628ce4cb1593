package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	aloware "github.com/duolog/duolog/adapters/aloware/sandbox"
	hubspot "github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
)

const sandboxHelp = `Run a stand-in for HubSpot and one for Aloware, in memory and over real HTTP, to try settings on before a
live CRM. They behave as the real ones are documented and measured to do: search lags, webhooks come late, twice or
never, values are normalised, a phone that moved makes a second contact. The fault flags make that worse.

They accept any API token. HubSpot's stand-in signs its webhooks with --client-secret, Aloware's sends
--webhook-token. With --traffic their pretend users edit and create contacts.`

const sandboxExample = `  duolog sandbox --contacts 500 --webhooks-to http://127.0.0.1:8080
  duolog sandbox --contacts 500 --traffic 5 --fail-rate 0.05 --webhook-duplicates 0.2 --shuffle`

// sandboxOptions are the flags of sandbox.
type sandboxOptions struct {
	hubspotAddr, alowareAddr   string
	contacts                   int
	webhooksTo                 string
	secret, token              string
	traffic, createShare       float64
	trafficFor                 time.Duration
	hubspotTries, alowareTries int
	faults                     sandboxkit.Faults
	// watch, when not nil, is put around a stand-in to see what is asked of it.
	watch func(domain.System, http.Handler) http.Handler
}

func (c *cli) sandbox() *cobra.Command {
	var o sandboxOptions
	cmd := &cobra.Command{
		Use: "sandbox", Short: "Run stand-ins for HubSpot and Aloware", Long: sandboxHelp, Example: sandboxExample,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			o.token = cmp.Or(o.token, c.getenv("ALOWARE_WEBHOOK_TOKEN"), o.secret)
			return c.runSandbox(cmd.Context(), o)
		},
	}
	o.flags(cmd.Flags())
	return cmd
}

func (o *sandboxOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.hubspotAddr, "hubspot-addr", "127.0.0.1:8181", "where HubSpot's stand-in listens")
	f.StringVar(&o.alowareAddr, "aloware-addr", "127.0.0.1:8182", "where Aloware's stand-in listens")
	f.IntVar(&o.contacts, "contacts", 100, "people to begin with; HubSpot knows all, Aloware most")
	f.Uint64Var(&o.faults.Seed, "seed", 1, "of people, traffic and faults: the same seed gives the same")
	f.StringVar(&o.webhooksTo, "webhooks-to", "", "base URL of a duolog serve, as in http://127.0.0.1:8080")
	f.StringVar(&o.secret, "client-secret", "sandbox", "signs HubSpot's webhooks")
	f.StringVar(&o.token, "webhook-token", "", "Bearer value of Aloware's webhooks (ALOWARE_WEBHOOK_TOKEN; default the client secret)")
	f.Float64Var(&o.traffic, "traffic", 0, "changes a second made by pretend users, both sides together")
	f.DurationVar(&o.trafficFor, "traffic-for", 0, "end the traffic after so long, and go on answering; 0: never")
	f.Float64Var(&o.createShare, "create-share", 0.1, "share of the changes that make a new contact")
	f.Float64Var(&o.faults.FailRate, "fail-rate", 0, "share of API requests answered 5xx, nothing done")
	f.Float64Var(&o.faults.FailAfterCommitRate, "fail-after-commit-rate", 0, "share carried out and answered 5xx")
	f.IntVar(&o.faults.RateLimit, "rate-limit", 0, "requests in 10 s; 0: what the system documents, -1: no limit")
	f.DurationVar(&o.faults.SearchLag, "search-lag", 0, "how long a change stays unseen by HubSpot's search")
	f.Float64Var(&o.faults.WebhookLoss, "webhook-loss", 0, "share of webhook events never sent")
	f.Float64Var(&o.faults.WebhookDuplicates, "webhook-duplicates", 0, "share of webhook events sent twice")
	f.BoolVar(&o.faults.Shuffle, "shuffle", false, "deliver webhook events out of order")
	f.DurationVar(&o.faults.Latency, "latency", 0, "mean time an API request takes")
	f.IntVar(&o.hubspotTries, "hubspot-retries", hubspot.DefaultRetries, "how often an unanswered webhook comes again")
	f.IntVar(&o.alowareTries, "aloware-retries", 0, "the same of Aloware, which was measured not to")
	f.DurationVar(&o.faults.RetryInterval, "retry-interval", time.Second, "about how long between those")
}

func (o *sandboxOptions) check() error {
	for name, share := range map[string]float64{
		"fail-rate": o.faults.FailRate, "fail-after-commit-rate": o.faults.FailAfterCommitRate,
		"webhook-loss": o.faults.WebhookLoss, "webhook-duplicates": o.faults.WebhookDuplicates,
		"create-share": o.createShare,
	} {
		if share < 0 || share > 1 {
			return hint(usage("--%s is %v", name, share), "it is a share, from 0 to 1: 0.05 is 5 %%")
		}
	}
	if o.contacts < 0 || o.traffic < 0 {
		return usage("--contacts and --traffic cannot be negative")
	}
	return nil
}

// sandboxes are both stand-ins, listening.
type sandboxes struct {
	hubspot            *hubspot.Sandbox
	aloware            *aloware.Sandbox
	hubspotL, alowareL net.Listener
	hubspotS, alowareS *http.Server
	wait               sync.WaitGroup
}

// newSandboxes makes both stand-ins with their people and has them listen. Webhooks go to the connection's paths
// below o.webhooksTo.
func newSandboxes(ctx context.Context, o sandboxOptions, connection string) (*sandboxes, error) {
	hf, af := o.faults, o.faults
	hf.Retries, af.Retries = o.hubspotTries, o.alowareTries
	s := &sandboxes{
		hubspot: hubspot.New(hubspot.Config{ClientSecret: o.secret, Faults: hf}),
		aloware: aloware.New(aloware.Config{WebhookToken: o.token, Faults: af}),
	}
	people := sandboxkit.People(o.faults.Seed, o.contacts)
	if err := errors.Join(s.hubspot.Seed(people), s.aloware.Seed(people)); err != nil {
		return nil, fmt.Errorf("make the people: %w", err)
	}
	if err := s.hubspot.SeedDeals(); err != nil {
		return nil, fmt.Errorf("make the deals: %w", err)
	}
	s.send(o.webhooksTo, connection)
	var err error
	if s.hubspotL, err = listen(ctx, o.hubspotAddr, "hubspot-addr"); err != nil {
		return nil, err
	}
	if s.alowareL, err = listen(ctx, o.alowareAddr, "aloware-addr"); err != nil {
		_ = s.hubspotL.Close()
		return nil, err
	}
	if o.watch == nil {
		o.watch = func(_ domain.System, h http.Handler) http.Handler { return h }
	}
	s.hubspotS, s.alowareS = server(o.watch(domain.HubSpot, s.hubspot)), server(o.watch(domain.Aloware, s.aloware))
	s.wait.Go(func() { _ = s.hubspotS.Serve(s.hubspotL) })
	s.wait.Go(func() { _ = s.alowareS.Serve(s.alowareL) })
	return s, nil
}

func server(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
}

// send makes the webhooks go to a connection of the service at base; empty: none are made.
func (s *sandboxes) send(base, connection string) {
	if base == "" {
		return
	}
	base = strings.TrimRight(base, "/") + "/webhooks/"
	s.hubspot.SetTarget(base + "hubspot/" + connection)
	s.aloware.SetTarget(base + "aloware/" + connection)
}

// mute ends the webhooks.
func (s *sandboxes) mute() {
	s.hubspot.SetTarget("")
	s.aloware.SetTarget("")
}

// close stops both; webhooks not delivered by then are dropped.
func (s *sandboxes) close() {
	_ = s.hubspotS.Close()
	_ = s.alowareS.Close()
	s.wait.Wait()
	s.hubspot.Close()
	s.aloware.Close()
}

// run makes traffic, for as long as it is to last, and returns when ctx ends.
func (s *sandboxes) run(ctx context.Context, o sandboxOptions) (report sandboxkit.TrafficReport) {
	if o.traffic > 0 {
		busy, stop := context.WithCancel(ctx)
		if o.trafficFor > 0 {
			busy, stop = context.WithTimeout(ctx, o.trafficFor)
		}
		defer stop()
		report = sandboxkit.Traffic{
			Aloware: s.aloware, HubSpot: s.hubspot, Seed: o.faults.Seed, Rate: o.traffic, CreateShare: o.createShare,
			FirstPerson: o.contacts,
		}.Run(busy)
	}
	<-ctx.Done()
	return report
}

// sandboxReport is what is printed at the end.
type sandboxReport struct {
	Aloware aloware.Stats            `json:"aloware"`
	HubSpot hubspot.Stats            `json:"hubspot"`
	Traffic sandboxkit.TrafficReport `json:"traffic"`
}

func (c *cli) runSandbox(ctx context.Context, o sandboxOptions) error {
	s, err := newSandboxes(ctx, o, c.connection)
	if err != nil {
		return err
	}
	defer s.close()
	c.introduce(s, o)
	traffic := s.run(ctx, o)
	report := sandboxReport{Aloware: s.aloware.Stats(), HubSpot: s.hubspot.Stats(), Traffic: traffic}
	if c.json {
		return c.printJSON(report)
	}
	c.printf("\n")
	c.countSandbox(report)
	return nil
}

// introduce says where they listen and how a service is run against them. With --json that goes to stderr.
func (c *cli) introduce(s *sandboxes, o sandboxOptions) {
	say := c.printf
	if c.json {
		say = c.note
	}
	say("Aloware stand-in   http://%-22s %s\n", s.alowareL.Addr(), plural(int64(len(s.aloware.IDs())), "contact"))
	say("HubSpot stand-in   http://%-22s %s\n\n", s.hubspotL.Addr(), plural(int64(len(s.hubspot.IDs())), "contact"))
	say("To run a sync against them, in another terminal:\n\n")
	say("  export ALOWARE_BASE_URL=http://%s ALOWARE_API_TOKEN=any ALOWARE_WEBHOOK_TOKEN=%s\n", s.alowareL.Addr(), o.token)
	say("  export HUBSPOT_BASE_URL=http://%s HUBSPOT_ACCESS_TOKEN=any HUBSPOT_CLIENT_SECRET=%s\n", s.hubspotL.Addr(), o.secret)
	say("  duolog serve\n\n")
	if o.webhooksTo == "" {
		say("No webhooks are sent; --webhooks-to http://127.0.0.1:8080 would send them there.\n")
	} else {
		say("Webhooks go to %s.\n", o.webhooksTo)
	}
	say("Ctrl-C ends it and prints counts.\n")
}

func (c *cli) countSandbox(r sandboxReport) {
	t := table{head: []string{"", "Aloware", "HubSpot"}}
	row := func(what string, a, h int) { t.add(what, a, h) }
	row("contacts", r.Aloware.Contacts, r.HubSpot.Contacts)
	row("writes by API", r.Aloware.Writes, r.HubSpot.Writes)
	row("reads by API", r.Aloware.Reads, r.HubSpot.Reads)
	aw, hw := r.Aloware.Webhooks, r.HubSpot.Webhooks
	row("webhook events", aw.Events, hw.Events)
	row("delivered", aw.Delivered, hw.Delivered)
	row("sent twice", aw.Duplicates, hw.Duplicates)
	row("never delivered", len(aw.NeverDelivered), len(hw.NeverDelivered))
	row("still waiting", aw.Pending, hw.Pending)
	t.print(c)
	if r.Traffic != (sandboxkit.TrafficReport{}) {
		c.printf("traffic: %s, %s\n", plural(int64(r.Traffic.Edits), "edit"), plural(int64(r.Traffic.Creates), "create"))
	}
}
