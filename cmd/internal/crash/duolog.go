package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// duolog runs a command of the program beside the serve that runs, and returns what it prints. Exit code 3, a check
// that found something, is no failure here.
func (c *campaign) duolog(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.program, append(args, "--json")...) //nolint:gosec // the program just built
	var out, errs bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.env(), c.dir, &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitViolation {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("duolog %s: %w: %s", args[0], err, errs.Bytes())
	}
	return out.Bytes(), nil
}

// settle waits until every webhook is delivered and everything is planned, folded and sent, twice in a row: the last
// write's echo may cause a webhook.
func (c *campaign) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, settleTime, errors.New("it did not come to rest"))
	defer cancel()
	select {
	case <-c.baseline:
	case <-ctx.Done():
		return fmt.Errorf("baseline: %w", context.Cause(ctx))
	}
	calm, before := 0, int64(-1)
	for calm < 3 {
		for _, b := range c.boxes {
			if err := b.quiesce(ctx); err != nil {
				return err
			}
		}
		s, err := c.status(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", err, context.Cause(ctx))
		}
		if calm++; !idle(s) || s.Head != before {
			calm = 0
		}
		before = s.Head
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return fmt.Errorf("settle: %w", context.Cause(ctx))
		}
	}
	return nil
}

func (c *campaign) status(ctx context.Context) (s httpapi.Status, err error) {
	out, err := c.duolog(ctx, "status")
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(out, &s)
}

func idle(s httpapi.Status) bool {
	for _, lag := range s.Lag {
		if lag > 0 {
			return false
		}
	}
	for _, side := range s.Systems {
		if side.Waiting > 0 {
			return false
		}
	}
	return true
}

// log is what the campaign reads of Duolog's log: the facts webhooks told, and which records any event tells of.
type log struct {
	Events  int
	raw     []byte // CloudEvents, one a line: kept with the run, whose database may be gone
	told    map[fact]int
	records map[string]bool // by stream
	shown   map[string][]sight
	agreed  map[string][]verdict // by stream and field
	lost    map[string]bool      // by stream and field: a decision names a value that lost a conflict
}

// sight is what a record was seen to show.
type sight struct {
	position   int64
	properties map[string]string
}

// verdict is that both sides of a field agree, by all that is known up to a position.
type verdict struct {
	input int64
	at    time.Time
}

// settled tells whether both sides of a field were known to agree, before the time, on what a record showed.
func (l log) settled(stream, field string, before time.Time, shows func(map[string]string) bool) bool {
	return slices.ContainsFunc(l.agreed[stream+" "+field], func(v verdict) bool {
		return v.at.Before(before) && slices.ContainsFunc(l.shown[stream], func(s sight) bool {
			return s.position <= v.input && shows(s.properties)
		})
	})
}

// named tells whether a decision says of a pair that a value of the field lost a conflict.
func (l log) named(two pair, field string) bool {
	return l.lost[domain.Record{System: domain.HubSpot, ID: two[domain.HubSpot].ID}.Stream()+" "+field]
}

func texts(properties map[string]any) map[string]string {
	out := make(map[string]string, len(properties))
	for name, v := range properties {
		if v != nil {
			out[name] = fmt.Sprint(v)
		}
	}
	return out
}

// readLog reads the whole log through duolog events.
func (c *campaign) readLog(ctx context.Context) (log, error) {
	l := log{
		told: map[fact]int{}, records: map[string]bool{}, shown: map[string][]sight{}, agreed: map[string][]verdict{},
		lost: map[string]bool{},
	}
	out, err := c.duolog(ctx, "events")
	if err != nil {
		return l, err
	}
	l.raw = out
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e logged
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return l, fmt.Errorf("read an event: %w", err)
		}
		l.Events++
		l.records[e.Subject] = true
		l.note(e)
		if e.Data.Via != "webhook" {
			continue
		}
		f := fact{e.Subject, e.Data.Vendor, e.Data.Clock, canonical(e.Data.Properties)}
		if r, err := domain.ParseRecord(e.Subject); err == nil && r.System == domain.Aloware {
			f.clock = 0
		}
		l.told[f]++
	}
	return l, lines.Err()
}

// logged is an event as duolog events prints it.
type logged struct {
	Type     string    `json:"type"`
	Subject  string    `json:"subject"`
	Time     time.Time `json:"time"` // recorded
	Sequence int64     `json:"sequence,string"`
	Data     struct {
		Via        string         `json:"via"`
		Vendor     string         `json:"vendor"`
		Clock      int64          `json:"clock"`
		Properties map[string]any `json:"properties"`
		Shows      map[string]any `json:"shows"`
		Input      int64          `json:"input"`
		Considered []string       `json:"considered"`
		Fields     []struct {
			Field  string `json:"field"`
			Result string `json:"result"`
			After  struct {
				State string `json:"state"`
			} `json:"after"`
		} `json:"fields"`
	} `json:"data"`
}

// note keeps what an event tells of what records show, and of fields that agree.
func (l log) note(e logged) {
	for _, of := range []map[string]any{e.Data.Properties, e.Data.Shows} {
		if len(of) > 0 {
			l.shown[e.Subject] = append(l.shown[e.Subject], sight{e.Sequence, texts(of)})
		}
	}
	for _, f := range e.Data.Fields {
		for _, stream := range e.Data.Considered {
			key := stream + " " + f.Field
			if f.After.State == "agreed" {
				l.agreed[key] = append(l.agreed[key], verdict{e.Data.Input, e.Time})
			}
			l.lost[key] = l.lost[key] || f.Result == string(planner.LostIt)
		}
	}
}

// verify has duolog check its log.
func (c *campaign) verify(ctx context.Context) error {
	var v struct {
		OK     bool  `json:"ok"`
		Events int64 `json:"events"`
		Faults []any `json:"faults"`
	}
	out, err := c.duolog(ctx, "verify")
	if err == nil {
		err = json.Unmarshal(out, &v)
	}
	if err == nil && !v.OK {
		c.violate("verify found %d faults", len(v.Faults))
	}
	c.result.Verified = v.OK
	return err
}

// commandsLeft lists what waits for a system although all is quiet.
func (c *campaign) commandsLeft(ctx context.Context) error {
	var list httpapi.CommandList
	out, err := c.duolog(ctx, "commands", "list")
	if err == nil {
		err = json.Unmarshal(out, &list)
	}
	for _, cmd := range list.Commands {
		c.violate("command %s to %s is left over: %s, %d tries, %s", cmd.ID, cmd.System, cmd.State, cmd.Attempts, cmd.Error)
	}
	c.result.CommandsLeft = len(list.Commands)
	return err
}
