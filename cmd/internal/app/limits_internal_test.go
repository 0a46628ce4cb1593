package app

import (
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// adjusted notes the settings it was given.
type adjusted struct {
	adapters.System
	got settings.Settings
}

var _ adapters.Adjustable = (*adjusted)(nil)

func (a *adjusted) Adjust(got settings.Settings) { a.got = got }

// TestSystemsFollowTheSettings: settings that were changed bound the systems at once, without a new start.
func TestSystemsFollowTheSettings(t *testing.T) {
	t.Parallel()
	h, a := &adjusted{}, &adjusted{}
	e := &engine{systems: map[domain.System]adapters.System{domain.HubSpot: h, domain.Aloware: a}}
	want := settings.Settings{Version: 2, PhoneRegion: "GB", Limits: settings.Limits{HubSpotShare: 20, AlowarePerSecond: 3}}
	e.steer(planner.Control{Settings: want})
	for _, s := range []*adjusted{h, a} {
		if s.got.Limits != want.Limits || s.got.PhoneRegion != want.PhoneRegion {
			t.Errorf("%+v, want %+v", s.got, want)
		}
	}
}
