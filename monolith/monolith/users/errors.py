"""The problem types of users."""

from chassis.problems import Conflict, Forbidden, Gone, NotFound, Unauthorized


class UserNotFound(NotFound):
    code, title = "user_not_found", "No such person"


class UserErased(Gone):
    code, title = "user_erased", "This person's account was erased"


class SessionNotFound(NotFound):
    code, title = "session_not_found", "No such session of yours"


class UsernameTaken(Conflict):
    code, title = "username_taken", "The username belongs to someone"


class EmailTaken(Conflict):
    code, title = "email_taken", "The e-mail address belongs to an account"


class LastAdmin(Conflict):
    code, title = "last_admin", "The last admin has to stay one"


class RegistrationClosed(Forbidden):
    code, title = "registration_closed", "Nobody can register here"


class Suspended(Forbidden):
    code, title = "suspended", "Your account is suspended"


class RoleRequired(Forbidden):
    code, title = "role_required", "Your role does not allow it"


class WrongPassword(Forbidden):
    code, title = "wrong_password", "The password is not right"


class LoginFailed(Unauthorized):
    code, title = "login_failed", "The login or the password is not right"


class RefreshFailed(Unauthorized):
    code, title = "refresh_failed", "The refresh token is not valid"


class AccountErased(Unauthorized):
    code, title = "account_erased", "Your account was erased"
