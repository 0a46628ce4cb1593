package settings

import (
	"strings"
	"time"

	"github.com/duolog/duolog/domain"
)

// Operations are the settings of what goes on beside the sync itself.
type Operations struct {
	Cost     Cost     `json:"cost,omitzero"`
	Sources  Sources  `json:"sources,omitzero"`
	Catalogs Catalogs `json:"catalogs,omitzero"`
	// ReviewMappingEvery is after how many days somebody should look at the mapping again, "90d"; empty: never.
	ReviewMappingEvery string `json:"review_mapping_every,omitempty"`
}

// Cost holds prices.
type Cost struct {
	LRNPerNumberUSD float64 `json:"lrn_per_number_usd"` // Aloware looks every new number up
}

// Sources say how changes come in.
type Sources struct {
	HubSpot    string `json:"hubspot"`     // webhooks or poll
	SweepEvery string `json:"sweep_every"` // "15m"
}

// Catalogs are the lists both systems keep: dispositions, owners, deals.
type Catalogs struct {
	RefreshAt         string `json:"refresh_at"` // "17:00", in the connection's zone, each day; empty: never by itself
	LogCallsToHubSpot bool   `json:"log_calls_to_hubspot,omitempty"`
}

// How changes in HubSpot come in: told by webhooks, with a sweep now and then for those that were lost, or found by
// looking alone, for who has no public address or a key without webhooks.
const (
	SourceWebhooks = "webhooks"
	SourcePoll     = "poll"
)

// PollEvery is how often HubSpot is looked at that is only polled.
const PollEvery = 30 * time.Second

// Every is how often a system is swept: 0 for never. Aloware tells by webhooks alone, so it is swept as the settings
// say either way.
func (s Sources) Every(sys domain.System) time.Duration {
	if sys == domain.HubSpot && s.HubSpot == SourcePoll {
		return PollEvery
	}
	d, err := ParsePeriod(s.SweepEvery)
	if err != nil {
		return 0
	}
	return d
}

// ReviewMapping is ReviewMappingEvery as a duration, 0 for never.
func (o Operations) ReviewMapping() time.Duration {
	d, err := ParsePeriod(o.ReviewMappingEvery)
	if err != nil {
		return 0
	}
	return d
}

// ParsePeriod reads a duration as people write it: "90d", "36h", "15m". Empty is 0.
func ParsePeriod(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		return 24 * d, err
	}
	return time.ParseDuration(text)
}

// ClockLayout is how a time of day is written.
const ClockLayout = "15:04"

// Window is a part of the day, in the connection's zone. It may go over midnight.
type Window struct{ From, To time.Duration }

// ParseWindow reads "20:00-06:00". Empty is the whole day.
func ParseWindow(text string) (Window, error) {
	if text == "" {
		return Window{}, nil
	}
	from, to, _ := strings.Cut(text, "-")
	a, err := time.Parse(ClockLayout, strings.TrimSpace(from))
	if err != nil {
		return Window{}, err
	}
	b, err := time.Parse(ClockLayout, strings.TrimSpace(to))
	return Window{From: sinceMidnight(a), To: sinceMidnight(b)}, err
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// Holds reports whether a moment lies in the window.
func (w Window) Holds(t time.Time) bool {
	at := sinceMidnight(t)
	switch {
	case w.From == w.To:
		return true
	case w.From < w.To:
		return at >= w.From && at < w.To
	}
	return at >= w.From || at < w.To
}

// Note is a setting that is taken but has no effect in this version, with the reason.
type Note struct {
	Field string `json:"field"`
	Text  string `json:"text"`
}

// String returns the note in a line.
func (n Note) String() string { return n.Field + ": " + n.Text }

// Notes lists what these settings say without the effect that one might expect.
func (s Settings) Notes() (out []Note) {
	for i := range s.Fields {
		if f := &s.Fields[i]; f.Sticky() && f.Direction != Both {
			out = append(out, Note{
				Field: "fields." + f.Name + ".direction",
				Text:  "a stop set in " + blind(f.Direction).Title() + " does not reach " + blind(f.Direction).Other().Title(),
			})
		}
	}
	return out
}

// blind is the system whose stops a one-way consent field does not send.
func blind(d Direction) domain.System {
	if d == ToAloware {
		return domain.Aloware
	}
	return domain.HubSpot
}
