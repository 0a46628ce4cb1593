package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay"
)

// What a change of the settings would have done lately is looked for so far back, and, unless told otherwise, for so long.
const (
	previewDays = 30
	previewWait = 10 * time.Second
)

// periodLooked is what settings would have done in the last days, as far as those were looked at: the oldest come first.
type periodLooked struct {
	Same  bool      `json:"same"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	replay.Forecast
}

// preview finds what settings would have done in the last days, as far as it comes in that time; 0: all the way.
func (c *cli) preview(ctx context.Context, a *app.App, s settings.Settings, wait time.Duration) (*periodLooked, error) {
	began := time.Now()
	from, err := a.Contacts.PositionAt(ctx, began.AddDate(0, 0, -previewDays))
	if err != nil {
		return nil, err
	}
	defer boundMemory(decidingMemory)()
	m := c.meter("the last days", "events")
	f, err := a.WhatIf(ctx, replay.Config{
		From: from + 1, Progress: m.set, Enough: func() bool { return wait > 0 && time.Since(began) > wait },
	}, s)
	m.done()
	if err != nil {
		return nil, fmt.Errorf("what it would have done: %w", err)
	}
	zone := s.Env().Zone
	looked := &periodLooked{Same: f.Same(), Since: began.AddDate(0, 0, -previewDays).In(zone), Until: began.In(zone), Forecast: f}
	if !f.Cut {
		return looked, nil
	}
	looked.Until = looked.Since
	events, err := a.Log.Get(ctx, f.To)
	if err == nil && len(events) > 0 {
		looked.Until = time.UnixMicro(events[0].RecordedAt).In(zone)
	}
	return looked, err
}

// tellPreview shows what was found.
func (c *cli) tellPreview(looked *periodLooked, now app.SettingsVersion, s settings.Settings, wait time.Duration) {
	for _, line := range previewText(whatifText{cli: c, Forecast: looked.Forecast, now: now, other: s}, *looked, wait) {
		c.printf("%s\n", fitted(line, "    ", false))
	}
}

func previewText(t whatifText, looked periodLooked, wait time.Duration) (lines []string) {
	days := fmt.Sprintf("Over the last %d days", previewDays)
	more := "More: duolog whatif --from " + looked.Since.Format("2006-01-02")
	if t.Cut {
		more = "All of it: --preview-wait 0, or duolog whatif --from " + looked.Since.Format("2006-01-02")
	}
	switch {
	case t.Cut && t.Inputs == 0:
		return []string{fmt.Sprintf("%s: it takes more than %s to find out what it would have done. %s", days, wait, more)}
	case t.Inputs == 0:
		return []string{days + " nothing came in."}
	case t.Cut:
		days = fmt.Sprintf("From %s to %s, %s, which is as far as it came in %s", looked.Since.Format(dateLayout),
			looked.Until.Format(bothLayout), at(t.To), wait)
	}
	text := fmt.Sprintf("%s (%s) v%d would have made a difference: %s", days, plural(t.Inputs, "input"), t.now.Version+1, t.short())
	if t.Same() {
		text = fmt.Sprintf("%s (%s) v%d would have made no difference.", days, plural(t.Inputs, "input"), t.now.Version+1)
	} else if t.Ends > 0 {
		text += fmt.Sprintf("  %s would hold something else in the end.", plural(t.Ends, "contact"))
	}
	lines = append(lines, text)
	for _, name := range slices.Sorted(maps.Keys(t.Unknown)) {
		lines = append(lines, fmt.Sprintf("    %s: unknown of %s, not recorded so far.", name, plural(t.Unknown[name], "contact")))
	}
	if !t.Same() || t.Cut {
		lines = append(lines, "    "+more)
	}
	return lines
}
