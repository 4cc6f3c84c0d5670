package rooms

// The texts that clients and demos compare with, word for word.
const (
	roomNotAvailable   = "Room not available"
	invalidPassword    = "Invalid password"
	userNotAvailable   = "User ID does not exist"
	permissionDenied   = "Room permission denied"
	roomFull           = "Room full"
	noRoomJoined       = "Did not join any room yet"
	identifierMissing  = "publicRoomIdentifier is required"
	passwordMissing    = "You did not enter the password."
	roomIDMissing      = "You did not enter the room-id."
	passwordNotNeeded  = "This room do not have any password."
	adminNotServedHere = `Please pass "adminUserName" and "adminPassword" via socket.io parameters.`
)

// The limits, for an operator.
const (
	manyRooms     = "a room was refused: there are as many as signaling-max-rooms allows"
	fastRooms     = "a room was refused: its client's address opens rooms too often"
	longMessage   = "a message to a whole room was dropped: it is too long for that"
	manyPasswords = "passwords of a room are not looked at: its client's address has tried too many"
)
