package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay"
)

// Replays decides again on what is in a connection's log, in memory. The database and the log of a config are its own.
type Replays interface {
	Replay(ctx context.Context, c replay.Config) (replay.Summary, error)
	// WhatIf decides under other settings, whose mode is that of the log.
	WhatIf(ctx context.Context, c replay.Config, s settings.Settings) (replay.Forecast, error)
	// Impact says what a version of the settings caused.
	Impact(ctx context.Context, c replay.Config, version int) (Impact, error)
}

// Impact is what a version of the settings caused: what was while it was in force, and what would have been under the
// version before it.
type Impact struct {
	SettingsVersion
	Changes []settings.Change `json:"changes"`
	Until   int64             `json:"until,omitempty"` // the last position it was in force at; absent: it still is
	// Settled counts what the systems answered to its time's writes, by result.
	Settled map[string]int64 `json:"settled"`
	replay.Forecast
}

// Stretch is which part of the log is asked about, and how long that may take.
type Stretch struct {
	From    string `json:"from,omitempty" maxLength:"40" doc:"The first position, or a time (RFC 3339)"`
	To      string `json:"to,omitempty" maxLength:"40" doc:"The last position, or a time (RFC 3339)"`
	Contact string `json:"contact,omitempty" maxLength:"100" doc:"Only this one: ULID, hubspot:ID or aloware:ID"`
	Seconds int    `json:"seconds,omitempty" minimum:"1" maximum:"600" default:"60" doc:"After so many it ends where it is, and says so: cut_short, to"`
}

type replayInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       Stretch
}

type whatIfInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Stretch
		Settings json.RawMessage   `json:"settings,omitempty" doc:"A settings file, as JSON"`
		Set      map[string]string `json:"set,omitempty" doc:"The settings in force, but for these keys"`
		Preset   string            `json:"preset,omitempty" maxLength:"40"`
		Limit    int               `json:"limit,omitempty" minimum:"1" maximum:"10000" default:"100" doc:"How many first differences to answer with"`
	}
}

type impactInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Version    int    `path:"version" minimum:"2"`
	Seconds    int    `query:"seconds" minimum:"1" maximum:"600" default:"60" doc:"After so many it ends where it is, and says so"`
	Limit      int    `query:"limit" minimum:"1" maximum:"10000" default:"100" doc:"How many first differences to answer with"`
}

// replayBody is a summary as it is answered.
type replayBody struct {
	OK bool `json:"ok" doc:"No difference but those of a declared change of the planner"`
	replay.Summary
	Planner int `json:"planner" doc:"The version that decided again"`
}

// LRN is what looking up the numbers of those made in Aloware costs.
type LRN struct {
	PriceUSD float64 `json:"price_usd"`
	WasUSD   float64 `json:"was_usd"`
	WouldUSD float64 `json:"would_be_usd"`
}

// whatIfBody is a forecast as it is answered.
type whatIfBody struct {
	Same bool `json:"same"`
	replay.Forecast
	Changes []settings.Change `json:"settings" doc:"How they differ from those in force"`
	LRN     LRN               `json:"lrn"`
}

// impactBody is an impact as it is answered.
type impactBody struct {
	Same     bool              `json:"same"`
	Version  int               `json:"version"`
	Position int64             `json:"position"`
	Until    int64             `json:"until,omitempty" doc:"The last position it was in force at; absent: it still is"`
	Actor    string            `json:"actor,omitempty"`
	At       time.Time         `json:"at"`
	Reason   string            `json:"reason,omitempty"`
	Changes  []settings.Change `json:"changes" doc:"Since the version before"`
	Settled  map[string]int64  `json:"settled" doc:"What the systems answered to writes, by result"`
	replay.Forecast
}

func (a *api) registerReplays() {
	const at = "/v1/connections/{connection}"
	const bounded = "It works in memory, changes nothing and cannot send. One runs at a time on a connection, for as long as " +
		"`seconds` says, and ends with the request."
	for _, op := range []huma.Operation{
		act("replay", at+"/replay", "Decide again, and compare with what was decided", bounded),
		act("what-if", at+"/whatif", "What other settings would have done to the same history",
			"With one of `settings`, `set` and `preset`. "+bounded),
	} {
		op.Tags, op.Middlewares = []string{"replays"}, huma.Middlewares{enduring}
		op.BodyReadTimeout = -1 // the deadline for the body would end the request later on
		if op.OperationID == "replay" {
			register(a, op, TryHistory, a.replay)
		} else {
			register(a, op, TryHistory, a.whatIf)
		}
	}
	impact := get("settings-impact", at+"/settings/impact/{version}", "What a version of the settings caused", "replays")
	impact.Description = "What was while it was in force, and what would have been under the version before. " + bounded
	impact.Middlewares = huma.Middlewares{enduring}
	register(a, impact, TryHistory, a.impact)
}

// enduring lifts the limits on how long a request may take: what is asked for brings one of its own.
func enduring(hc huma.Context, next func(huma.Context)) {
	_, w := humago.Unwrap(hc)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // what cannot set one has none
	patient(hc, next)
}

// replays hands do what decides again on the connection, unless that is deciding already.
func (a *api) replays(name string, do func(Connection) error) error {
	conn, err := a.connection(name)
	if err != nil {
		return err
	}
	if conn.Replays == nil || conn.Contacts == nil || conn.Settings == nil {
		return fmt.Errorf("%w: this connection does not decide again here", ErrNotFound)
	}
	if _, busy := a.deciding.LoadOrStore(name, true); busy {
		return fmt.Errorf("%w: a replay, what-if or impact runs on this connection: ask again when it has ended", ErrConflict)
	}
	defer a.deciding.Delete(name)
	return do(conn)
}

// config is what a stretch asks of a connection.
func (s Stretch) config(ctx context.Context, conn Connection) (c replay.Config, err error) {
	c = within(s.Seconds)
	if c.From, err = placeOf(ctx, conn.Contacts, s.From, 1); err != nil {
		return c, err
	}
	if c.To, err = placeOf(ctx, conn.Contacts, s.To, 0); err != nil {
		return c, err
	}
	if s.To != "" && c.To < max(c.From, 1) {
		return c, fmt.Errorf("%w: nothing lies between from and to", ErrBadInput)
	}
	if s.Contact != "" {
		c.Contact, err = contactID(ctx, conn.Contacts, s.Contact)
	}
	return c, err
}

// within is a config that ends after so many seconds.
func within(seconds int) replay.Config {
	until := time.Now().Add(time.Duration(seconds) * time.Second)
	return replay.Config{Enough: func() bool { return time.Now().After(until) }}
}

// placeOf is a position, or so many after the last one recorded by a time; 0 for an empty text.
func placeOf(ctx context.Context, c Contacts, text string, after int64) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return n, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, fmt.Errorf("%w: from and to are positions, or times like 2026-11-23T14:05:00Z", ErrBadInput)
	}
	n, err := c.PositionAt(ctx, at)
	return n + after, err
}

func (a *api) replay(ctx context.Context, in *replayInput) (out *body[replayBody], err error) {
	err = a.replays(in.Connection, func(conn Connection) error {
		c, err := in.Body.config(ctx, conn)
		if err != nil {
			return err
		}
		sum, err := conn.Replays.Replay(ctx, c)
		out = &body[replayBody]{replayBody{sum.Differences() == 0, sum, planner.Version}}
		return err
	})
	return out, err
}

func (a *api) whatIf(ctx context.Context, in *whatIfInput) (out *body[whatIfBody], err error) {
	err = a.replays(in.Connection, func(conn Connection) error {
		s, err := in.settings(ctx, conn.Settings)
		if err != nil {
			return err
		}
		now, err := conn.Settings.SettingsNow(ctx)
		if err != nil {
			return err
		}
		s.Mode, s.Pilot = now.Settings.Mode, now.Settings.Pilot
		c, err := in.Body.config(ctx, conn)
		if err != nil {
			return err
		}
		f, err := conn.Replays.WhatIf(ctx, c, s)
		b := whatIfBody{Same: f.Same(), Changes: []settings.Change{}, LRN: LRNOf(f, s)}
		b.Changes = append(b.Changes, settings.Diff(now.Settings, s)...)
		b.Forecast = firstOf(f, in.Body.Limit)
		out = &body[whatIfBody]{b}
		return err
	})
	return out, err
}

// settings are the other ones that are asked about.
func (in *whatIfInput) settings(ctx context.Context, from Settings) (s settings.Settings, err error) {
	given := 0
	for _, is := range []bool{len(in.Body.Settings) > 0, len(in.Body.Set) > 0, in.Body.Preset != ""} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return s, fmt.Errorf("%w: want one of settings, set and preset", ErrBadInput)
	case in.Body.Preset != "":
		if s, err = settings.Preset(in.Body.Preset); err != nil {
			return s, fmt.Errorf("%w: %w", ErrBadInput, err)
		}
	case len(in.Body.Set) > 0:
		s, _, err = from.SetSettings(ctx, in.Body.Set)
	default:
		s, _, err = from.ReadSettings(in.Body.Settings)
	}
	return s, err
}

// LRNOf is what a forecast costs at the price in the settings.
func LRNOf(f replay.Forecast, s settings.Settings) LRN {
	made, price := f.LookUps(), s.Cost.LRNPerNumberUSD
	return LRN{PriceUSD: price, WasUSD: float64(made.Was) * price, WouldUSD: float64(made.Would) * price}
}

// firstOf is a forecast with so many first differences at most.
func firstOf(f replay.Forecast, limit int) replay.Forecast {
	f.First = append([]replay.Divergence{}, f.First[:min(len(f.First), limit)]...)
	return f
}

func (a *api) impact(ctx context.Context, in *impactInput) (out *body[impactBody], err error) {
	err = a.replays(in.Connection, func(conn Connection) error {
		i, err := conn.Replays.Impact(ctx, within(in.Seconds), in.Version)
		out = &body[impactBody]{impactBody{
			Same: i.Same(), Version: i.Version, Position: i.Position, Until: i.Until, Actor: i.Actor, At: i.At, Reason: i.Reason,
			Changes: append([]settings.Change{}, i.Changes...), Settled: i.Settled,
			Forecast: firstOf(i.Forecast, in.Limit),
		}}
		return err
	})
	return out, err
}
