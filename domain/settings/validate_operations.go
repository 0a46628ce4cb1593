package settings

import (
	"fmt"
	"math"
	"time"
)

// checkOperations checks what goes on beside the sync.
func (s Settings) checkOperations(c *checker) {
	if p := s.Cost.LRNPerNumberUSD; math.IsNaN(p) || math.IsInf(p, 0) || p < 0 {
		c.add("cost.lrn_per_number_usd", decimal(p), "a price in US dollars", "0.002 is what Aloware's page says")
	}
	if s.Sources.HubSpot != "" {
		c.word("sources.hubspot", s.Sources.HubSpot, HubSpotSources)
	}
	if s.Catalogs.LogCallsToHubSpot {
		c.add("catalogs.log_calls_to_hubspot", "true", "false", "this version writes no calls to HubSpot")
	}
	s.checkTimes(c)
}

func (s Settings) checkTimes(c *checker) {
	period := func(path, text string, least time.Duration, such string) {
		if d, err := ParsePeriod(text); text != "" && (err != nil || d < least) {
			c.add(path, text, fmt.Sprintf("a time such as %s, at least %s", such, least), "")
		}
	}
	period("sources.sweep_every", s.Sources.SweepEvery, time.Minute, "15m")
	period("contacts.privacy_delay", s.Contacts.PrivacyDelay, 0, "24h")
	period("contacts.unread_for", s.Contacts.UnreadFor, time.Second, "90d")
	period("review_mapping_every", s.ReviewMappingEvery, 24*time.Hour, "90d")
	if _, err := time.Parse(ClockLayout, s.Catalogs.RefreshAt); s.Catalogs.RefreshAt != "" && err != nil {
		c.add("catalogs.refresh_at", s.Catalogs.RefreshAt, "a time of day such as 17:00", "")
	}
	if _, err := ParseWindow(s.Limits.BigJobs); err != nil {
		c.add("limits.big_jobs", s.Limits.BigJobs, `a part of the day such as "20:00-06:00"`, "empty: any time")
	}
}
