"""What happens to a whole forum when its parts are killed, frozen or stopped."""
