package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay"
)

// What a change of the settings would have done lately is looked for so far back, and for so long.
const (
	previewDays = 30
	previewTime = 10 * time.Second
)

// preview says what settings would have done in the last days, as far as that can be found out while somebody waits.
func (c *cli) preview(ctx context.Context, a *app.App, now app.SettingsVersion, s settings.Settings) error {
	began := time.Now()
	from, err := a.Contacts.PositionAt(ctx, began.AddDate(0, 0, -previewDays))
	if err != nil {
		return err
	}
	s.Mode, s.Pilot = now.Settings.Mode, now.Settings.Pilot // of which the log has its own
	m := c.meter("the last days", "events")
	f, err := a.WhatIf(ctx, replay.Config{
		From: from + 1, Progress: m.set, Enough: func() bool { return time.Since(began) > previewTime },
	}, s)
	m.done()
	if err != nil {
		return fmt.Errorf("what it would have done: %w", err)
	}
	zone := s.Env().Zone
	for _, line := range previewText(whatifText{cli: c, Forecast: f, now: now, other: s}, began.In(zone).AddDate(0, 0, -previewDays)) {
		c.printf("%s\n", fitted(line, "    ", false))
	}
	return nil
}

func previewText(t whatifText, since time.Time) (lines []string) {
	days := fmt.Sprintf("Over the last %d days", previewDays)
	more := "duolog whatif looks at all of it: --from " + since.Format("2006-01-02")
	switch {
	case t.Cut && t.Inputs == 0:
		return []string{fmt.Sprintf("%s: it takes more than %s to find out what it would have done. %s", days, previewTime, more)}
	case t.Inputs == 0:
		return []string{days + " nothing came in."}
	case t.Cut:
		days += fmt.Sprintf(", up to %s and no further after %s", at(t.To), previewTime)
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
		lines = append(lines, "    "+strings.ToUpper(more[:1])+more[1:])
	}
	return lines
}
