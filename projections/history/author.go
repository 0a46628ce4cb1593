package history

import "strings"

// Author says a system's words for who made a change as people do: "CRM_UI userId:7" is user 7 in HubSpot.
func Author(by string) string {
	source, user, ok := strings.Cut(by, " userId:")
	switch {
	case by == byDuolog:
		return "Duolog"
	case !ok:
		return by
	case strings.Trim(user, "0123456789") == "":
		user = "user " + user
	}
	if source == "CRM_UI" {
		return user + " in HubSpot"
	}
	return user + " (" + source + ")"
}
