package app

import (
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// limited notes the limits it was given.
type limited struct {
	adapters.System
	got settings.Limits
}

func (l *limited) Limit(got settings.Limits) { l.got = got }

// TestLimitsFollowTheSettings: settings that were changed bound the systems at once, without a new start.
func TestLimitsFollowTheSettings(t *testing.T) {
	t.Parallel()
	h, a := &limited{}, &limited{}
	e := &engine{systems: map[domain.System]adapters.System{domain.HubSpot: h, domain.Aloware: a}}
	want := settings.Limits{HubSpotShare: 20, AlowarePerSecond: 3}
	e.steer(planner.Control{Settings: settings.Settings{Version: 2, Limits: want}})
	if h.got != want || a.got != want {
		t.Errorf("%+v and %+v, want %+v", h.got, a.got, want)
	}
}
