package main

import (
	"fmt"
	"time"
)

const (
	dateLayout = "Jan 2, 2006"
	timeLayout = "3:04:05 PM"
	bothLayout = "Jan 2, 2006, 3:04:05 PM"
)

// ago says how long ago a moment was, in the largest unit that says enough.
func ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min ago", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// tookWord says how long something took: 0.21 s, 3.1 s, 2 min 4 s.
func tookWord(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

// parseTime reads what people type for a moment: RFC 3339, or a date with or without a time, in the zone.
func parseTime(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, hint(usage("%q is no time", text), "write 2026-11-23, '2026-11-23 14:05' or 2026-11-23T14:05:00Z")
}
